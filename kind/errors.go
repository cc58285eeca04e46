package kind

import (
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// NameTakenError means that the engine has containers of a cluster with this name already.
type NameTakenError struct {
	Name  string
	Nodes []string
}

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("a kind cluster named %s is there already (%s), and was not made here: if it is not needed, take it away with `kind delete cluster --name %s`",
		e.Name, strings.Join(e.Nodes, ", "), e.Name)
}

// MissingError names a tool that this machine lacks, and what to do about it.
type MissingError struct{ Tool, Remedy string }

func (e *MissingError) Error() string { return fmt.Sprintf("%s is missing: %s", e.Tool, e.Remedy) }

// EngineError is a docker command that failed.
type EngineError struct {
	Engine Engine
	Args   []string
	Stderr string
	Err    error
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("docker %s (engine %s): %s", strings.Join(e.Args, " "), e.Engine, tail.Line(e.Stderr, e.Err.Error()))
}

func (e *EngineError) Unwrap() error { return e.Err }

// CreateError is a cluster that kind could not make, or not in time. Its nodes are kept for a look at them.
type CreateError struct {
	Step  string // what kind was at
	After time.Duration
	Lines []string // the last that kind and kubeadm said
	Logs  string   // directory with the nodes' logs, "" when they could not be had
	Err   error
}

func (e *CreateError) Error() string {
	text := fmt.Sprintf("kind: %s, after %s: %v", e.Step, e.After.Round(time.Second), e.Err)
	if e.Logs != "" {
		text += "; logs of the nodes: " + e.Logs
	}
	if len(e.Lines) > 0 {
		text += "\n  " + strings.Join(e.Lines, "\n  ")
	}
	return text
}

func (e *CreateError) Unwrap() error { return e.Err }

// ComponentError is a container of the platform that does not come up however long one waits.
type ComponentError struct {
	Namespace, Pod, Container, Node string
	Reason                          string
	Log                             []string // its last lines
}

func (e *ComponentError) Error() string {
	text := fmt.Sprintf("container %s of pod %s/%s on %s: %s", e.Container, e.Namespace, e.Pod, e.Node, e.Reason)
	if len(e.Log) > 0 {
		text += "\n  " + strings.Join(e.Log, "\n  ")
	}
	return text
}

// NotReadyError is a wait that ended before what it waited for was there.
type NotReadyError struct {
	What    string
	Pending []string // pods that are not ready, with the reason
	Err     error
}

func (e *NotReadyError) Error() string {
	text := fmt.Sprintf("%s: %v", e.What, e.Err)
	if len(e.Pending) > 0 {
		text += "; not ready: " + strings.Join(e.Pending, ", ")
	}
	return text
}

func (e *NotReadyError) Unwrap() error { return e.Err }
