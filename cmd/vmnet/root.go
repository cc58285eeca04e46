package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/internal/progress"
)

// app is what all commands share.
type app struct {
	stdout, stderr io.Writer
	// started is set when a command line was understood and its command has begun.
	started bool
	stack   stackFlags
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vmnet",
		Short: "Proves that virtual machines on Kubernetes get the networking they were promised",
		Long: `vmnet starts a real cluster (or takes yours), starts real VMs on it, looks at each from the guest, the
virt-launcher pod, the API, OVN, an external peer and the wire, and holds what it saw against what the
cluster's own settings imply. Its product is a verdict for each claim, with evidence.

Exit codes: 0 all selected claims PASS, KNOWN or NOT-APPLICABLE; 1 a FAIL, an ERROR or a claim that did not
run; 2 bad input; 3 preflight or set-up failed, or the cluster does not answer; 4 nothing selected;
130 interrupted.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	a.stack.register(root.PersistentFlags())
	root.AddCommand(a.preflightCommand(), a.upCommand(), a.statusCommand(), a.sshCommand(), a.logsCommand(),
		a.runCommand(), a.judgeCommand(), a.selftestCommand(), a.listCommand(), a.downCommand(), a.versionCommand())
	return root
}

// progress shows a command's steps on stderr; the results go to stdout. Close it.
func (a *app) progress() *progress.Reporter { return progress.New(a.stderr) }

// view is how to draw on stdout.
func (a *app) view() report.View {
	f, ok := a.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return report.View{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return report.View{Width: width, Colour: os.Getenv("NO_COLOR") == ""}
}
