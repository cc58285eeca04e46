// Package model holds the nouns of vmnet: what a cluster is, what was asked of it, and what was seen.
//
// It has no behaviour beyond small accessors, imports nothing of ours, and everything in it is stored as
// JSON, so that an observation can be judged again later, without a cluster.
package model

import (
	"errors"
	"time"
)

// Read is one look at one place, with its evidence. A look that failed is kept, with Err set:
// the claims that need it become ERROR, and no other claim suffers.
type Read[T any] struct {
	Value T `json:"value"`
	// Err says why Value cannot be used; empty when the look succeeded.
	Err string `json:"err,omitempty"`
	// Place is where it was read, as "guest vm-a", "launcher vm-a", "node worker", "peer outside", "api".
	Place string `json:"place"`
	// Command is what was run or asked there.
	Command string `json:"command"`
	// Raw is the unparsed answer.
	Raw string `json:"raw,omitempty"`
	// At is when the answer arrived; zero means that nobody looked.
	At time.Time `json:"at"`
}

// Failure returns nil for a usable read, else an error that says what is wrong with it.
func (r Read[T]) Failure() error {
	switch {
	case r.Err != "":
		return errors.New(r.Err)
	case r.At.IsZero():
		return errors.New("nobody looked")
	}
	return nil
}
