// Package fault breaks the network of running VMs on purpose, to prove that the claims see it.
//
// A fault is data: how it is injected and taken back, which claims must turn red and with which words, and which
// may go blind. Every other claim must keep its verdict, and once the fault is taken back a new observation must equal
// the one before. A claim that no fault turns red is not proven, and the matrix says so.
package fault

import (
	"context"
	"regexp"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Fault is one way to break the network.
type Fault struct {
	// ID is the claim that it is meant for and a short name: "CN-01/extra-link".
	ID       string
	Scenario string
	// Text says what is broken, where.
	Text string
	// Stage is the stage that must come about for the fault to show; empty for the steady one.
	Stage string
	// Steps are injected in this order and taken back in the opposite one.
	Steps []Step
	// Red are the claims that must turn FAIL, by ID, with what their reason must match.
	Red map[string]*regexp.Regexp
	// Blind are the claims that may become ERROR: a cut cable hides more than it breaks.
	Blind []string
	// Needs are the features without which it cannot be injected.
	Needs []model.Feature
	// Gateway is the gateway mode without which it cannot be injected; empty for any.
	Gateway string
	// NodeFiles is a fault that takes away files that pods need to start on that node. On a cluster that the user named,
	// it is injected only where the user names it, too.
	NodeFiles bool
	// Renews are the VMs, pods and networks (by their keys in Stage.Networks) that come anew: their addresses, names and
	// numbers may differ afterwards.
	Renews []string
}

// Step is one change of the world that can be taken back.
type Step interface {
	// Do makes the change and waits until it is in effect. The Undo knows what was there before; it is not nil
	// from the moment something may have changed, even beside an error.
	Do(ctx context.Context, w *World) (Undo, error)
	// Reversible says whether the step knows how to take itself back. All must.
	Reversible() bool
}

// Undo takes a step back and waits until that is in effect. A second one does no harm.
type Undo func(ctx context.Context) error
