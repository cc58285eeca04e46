package judge

import (
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Cases that no single change of a recorded observation makes.

func verdict(t *testing.T, o model.Observation, id string) model.Judgement {
	t.Helper()
	claims, err := Select(nil, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	return Judge(claims[0], o)
}

func expect(t *testing.T, j model.Judgement, v model.Verdict, words string) {
	t.Helper()
	if j.Verdict != v || !strings.Contains(j.Reason, words) {
		t.Errorf("%s: want %s with %q, got %s: %s", j.ID, v, words, j.Verdict, j.Reason)
	}
}

func TestLinksThatAnyPodHasAreSubtracted(t *testing.T) {
	o := recorded(t)
	tunnel := model.Link{Name: "tunl0", Kind: "ipip"}
	vm := o.Stages[0].VMs["vm-a"]
	vm.Launcher.Links.Value = append(slices.Clone(vm.Launcher.Links.Value), tunnel)
	o.Stages[0].VMs["vm-a"] = vm
	expect(t, verdict(t, o, "CN-01"), model.Fail, "more than expected: tunl0")
	control := o.Stages[0].Controls[vm.Pod.Value.Node]
	control.Value = append(slices.Clone(control.Value), tunnel)
	o.Stages[0].Controls[vm.Pod.Value.Node] = control
	expect(t, verdict(t, o, "CN-01"), model.Pass, "")
}

// What the fault of CN-14 does: the peer gets frames from the pod IP and cannot answer.
func TestUntranslatedFlow(t *testing.T) {
	o := recorded(t)
	const path = "vm-a>peer/outside"
	p := o.Stages[0].Paths[path]
	p.Value.Passed, p.Value.SourceSeen, p.Value.SourcePort, p.Value.Detail = false, "", 0, "timed out"
	o.Stages[0].Paths[path] = p
	f := o.Stages[0].Frames[path]
	host, port, err := endpoint(p.Value.Target)
	if err != nil {
		t.Fatal(err)
	}
	podIP := o.Stages[0].VMs["vm-a"].Pod.Value.IPs[0]
	f.Value = []model.Frame{{Proto: "tcp", Src: podIP, SrcPort: 40123, Dst: host, DstPort: port}, {Proto: "arp", Src: host}}
	o.Stages[0].Frames[path] = f
	expect(t, verdict(t, o, "CN-14"), model.Fail, "does not pass (timed out)")
	expect(t, verdict(t, o, "CN-15"), model.Fail, "observed "+podIP)
	expect(t, verdict(t, o, "CN-13"), model.Pass, "")

	f.Value = f.Value[1:]
	o.Stages[0].Frames[path] = f
	expect(t, verdict(t, o, "CN-14"), model.Fail, "does not pass (timed out)")
	expect(t, verdict(t, o, "CN-15"), model.Error, "of its 1 frames, none is of TCP port")
}

// A MAC that is changed in the guest must be seen by the claims about it alone.
func TestChangedGuestMAC(t *testing.T) {
	o := recorded(t)
	vm := o.Stages[0].VMs["vm-a"]
	vm.Guest.Links.Value = slices.Clone(vm.Guest.Links.Value)
	vm.Guest.Links.Value[1].MAC = "02:86:5e:00:00:99"
	o.Stages[0].VMs["vm-a"] = vm
	for _, c := range claimsOf(o) {
		want := model.Pass
		if c.ID == "CN-07" || c.ID == "CN-12" {
			want = model.Fail
		}
		expect(t, Judge(c, o), want, "")
	}
}

func TestOneNode(t *testing.T) {
	o := recorded(t)
	o.Facts.Features[model.FeatureTwoNodes] = model.Presence{Reason: "one node runs VMs"}
	expect(t, verdict(t, o, "CN-16"), model.NotApplicable, "one node runs VMs")
	o.Facts.Features[model.FeatureTwoNodes] = model.Presence{Present: true}
	vm := o.Stages[0].VMs["vm-b"]
	vm.Pod.Value.Node = o.Stages[0].VMs["vm-a"].Pod.Value.Node
	o.Stages[0].VMs["vm-b"] = vm
	expect(t, verdict(t, o, "CN-16"), model.Error, "vm-b on "+vm.Pod.Value.Node)
}

func TestNothingObserved(t *testing.T) {
	features := map[model.Feature]model.Presence{}
	for _, c := range All() {
		for _, f := range c.Needs {
			features[f] = model.Presence{Present: true}
		}
	}
	of := func(scenario string, stages ...string) model.Observation {
		o := model.Observation{Format: model.FormatVersion, Scenario: scenario, Facts: model.Facts{Features: features}}
		for _, s := range stages {
			o.Stages = append(o.Stages, model.Stage{Name: s})
		}
		return o
	}
	for _, scenario := range []string{ClusterNetwork, PrimaryUDN, SecondaryUDN, Localnet, LinuxBridge} {
		for _, o := range []model.Observation{{}, of(scenario), of(scenario, model.Steady), of(scenario, model.Steady, model.Restarted, model.Migrated, model.Deleted)} {
			for _, c := range All() {
				if j := Judge(c, o); j.Verdict != model.Error {
					t.Errorf("%s: %s %s", c.ID, j.Verdict, j.Reason)
				}
			}
		}
	}
}

// A guest with another name than its spec's, whichever way it is asked, is seen by both claims; a spec.hostname of its
// own is what they then demand.
func TestHostname(t *testing.T) {
	o := recorded(t)
	vm, path := o.Stages[0].VMs["vm-a"], o.Stages[0].Paths["api>vm-a"]
	vm.Guest.Hostname.Value, path.Value.Answer = "localhost", "localhost"
	o.Stages[0].VMs["vm-a"], o.Stages[0].Paths["api>vm-a"] = vm, path
	for _, id := range []string{"CN-20", "CN-26"} {
		expect(t, verdict(t, o, id), model.Fail, "expected vm-a (the VM's name, as spec.hostname says no other), observed localhost")
	}
	vm.Spec.Hostname = "localhost"
	o.Stages[0].VMs["vm-a"] = vm
	for _, id := range []string{"CN-20", "CN-26"} {
		expect(t, verdict(t, o, id), model.Pass, "")
	}
	vm.Guest.Hostname.Value, path.Value.Answer = "vm-a", "vm-a"
	o.Stages[0].VMs["vm-a"], o.Stages[0].Paths["api>vm-a"] = vm, path
	for _, id := range []string{"CN-20", "CN-26"} {
		expect(t, verdict(t, o, id), model.Fail, "expected localhost (spec.hostname, or else the name of VM vm-a")
	}
}
