package scenario

import (
	"fmt"
	"time"
)

// Timeouts bound the waits of a scenario, each with its own name in the error when it passes. A wait ends as soon as it can.
type Timeouts struct {
	// Apply bounds making the namespaces and all objects, pods and VMs a few at a time up to their address.
	Apply time.Duration
	// Network bounds a user-defined network's way to NetworkCreated.
	Network time.Duration
	// PodReady bounds a fixture pod's way to Ready, images pulled.
	PodReady time.Duration
	// VMIRunning bounds a VM's way from applied to Running. Seven VMs at once took 171 s on one core.
	VMIRunning time.Duration
	// SSH bounds the way from Running to the first command in the guest: its boot and DHCP.
	SSH time.Duration
	// ImagePull is how long an image may fail to be pulled before the wait is given up as hopeless.
	ImagePull time.Duration
	// Migration bounds a live migration, from its beginning to the VM's new node.
	Migration time.Duration
	// NetworksGone bounds the end of the user-defined networks at teardown, after their VMs'.
	NetworksGone time.Duration
	// VMsGone bounds the end of all VMs with their pods at teardown.
	VMsGone time.Duration
	// NamespaceGone bounds the namespace's end after that.
	NamespaceGone time.Duration
	// Diagnostics bounds all of Running.Diagnostics.
	Diagnostics time.Duration
}

// DefaultTimeouts are used where Options has none, and doubled where guests run without KVM.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		Apply: 12 * time.Minute, Network: time.Minute, Migration: 6 * time.Minute, NetworksGone: 3 * time.Minute, PodReady: 8 * time.Minute, VMIRunning: 8 * time.Minute, SSH: 4 * time.Minute,
		ImagePull: 2 * time.Minute, VMsGone: 2 * time.Minute, NamespaceGone: 2 * time.Minute, Diagnostics: 2 * time.Minute,
	}
}

// emulated are those where guests run without KVM: they were measured on two cores, and hosts with cores half as fast are met.
func (t Timeouts) emulated() Timeouts {
	for _, each := range []*time.Duration{&t.Apply, &t.PodReady, &t.VMIRunning, &t.SSH, &t.Migration, &t.NetworksGone, &t.VMsGone, &t.NamespaceGone} {
		*each *= 2
	}
	return t
}

// TimeoutError is a wait that took longer than its bound.
type TimeoutError struct {
	// What was waited for, as "vm-a Running", and Timeout is the field of Timeouts that bounds it.
	What, Timeout string
	After         time.Duration
	// Trouble is what the cluster says about it: phases, conditions, last events.
	Trouble string
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s: not within %s (timeout %s): %s", e.What, e.After, e.Timeout, e.Trouble)
}

// FailedError is something that will not come about however long one waits.
type FailedError struct {
	What    string
	Trouble string
}

func (e *FailedError) Error() string { return fmt.Sprintf("%s: failed: %s", e.What, e.Trouble) }
