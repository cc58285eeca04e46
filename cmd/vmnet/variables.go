package main

import (
	"os"
	"strconv"
	"strings"
)

// list is a variable's comma-separated names.
func list(variable string) []string {
	if v := os.Getenv(variable); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}

// yes says whether a variable is set to something other than 0 or false.
func yes(variable string) bool {
	v := os.Getenv(variable)
	b, err := strconv.ParseBool(v)
	return v != "" && (err != nil || b)
}
