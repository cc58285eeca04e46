// Command vmnet proves that virtual machines on Kubernetes get the networking they were promised.
package main

import (
	"context"
	"io"
	"os"
)

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and returns its exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(context.Background(), stderr)
	defer stop()
	a := &app{stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started { // cobra's own: flags, arguments, an unknown command
		err = &inputError{err: err, remedy: "see " + root.CommandPath() + " --help"}
	}
	return complain(ctx, stderr, err)
}
