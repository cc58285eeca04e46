package judge

import (
	"regexp"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// removalWaits is PU-22.
func removalWaits(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Deleted)
	r, from, ok := Need(n, "deletion of network "+removedNetwork, stage.Removal)
	if !ok {
		return
	}
	n.Equal("network whose deletion was asked for", from, removedNetwork, "the scenario", r.Network)
	what := "network " + removedNetwork
	n.Equal(what+" is still there", from, true, "a VM uses it", r.There)
	n.Equal(what+" is being deleted", from, true, "its deletion was asked for", r.Deleting)
	n.Has(what+": finalizers", from, networkFinalizer, "OVN-Kubernetes", r.Finalizers)
	for _, s := range members(n, o, model.Deleted, []string{"vm-o"}) {
		s.waitedFor(what, from, r)
		const path = "pod/client-other>vm/vm-o"
		p, from, ok := s.path(path)
		if !ok {
			continue
		}
		passed(n, path+" on the network that is being deleted", from, true, p)
		n.Equal(path+": answer", from, s.Spec.Hostname, "vm-o's hostname", p.Answer)
	}
}

// waitedFor: a finalizer remains also while nobody looks at the network, and a pod beside the VM keeps it as well. What
// OVN-Kubernetes says that it waits for must name the VM's own launcher.
func (s subject) waitedFor(what string, from Source, r model.Removal) {
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	switch {
	case !ok || !r.There: // that it is not there is told already
	case len(r.Users) == 0:
		s.n.Cannot(what+": users that it waits for", "OVN-Kubernetes names none")
	default:
		s.n.Has(what+": users that it waits for", from, s.Spec.Namespace+"/"+pod.Name, "vm-o's launcher", r.Users)
	}
}

// silently is what PU-25 must not find.
const silently = "runs and is silently unreachable"

// aboutLayer3 is what a word of the cluster must speak of to be a refusal of the network: that a start was slow is none.
var aboutLayer3 = regexp.MustCompile(`(?i)layer-?3|topology`)

// layer3 is PU-25. One that is neither refused nor up yet says nothing.
func layer3(n *Notebook, o model.Observation) {
	for _, s := range members(n, o, model.Steady, []string{"vm-l3"}) {
		vmi, from, ok := Need(n, s.what("VMI"), s.VMI)
		if !ok {
			continue
		}
		const path = "pod/client-layer3>vm-l3"
		p, tried, ok := s.path(path)
		if !ok {
			continue
		}
		got, holds := silently, false
		at := slices.IndexFunc(vmi.Conditions, func(c model.VMICondition) bool {
			return c.Type == "Synchronized" && c.Status == "False" && aboutLayer3.MatchString(c.Reason+" "+c.Message)
		})
		switch {
		case at >= 0:
			got, holds, tried = "refused: "+vmi.Conditions[at].Reason+": "+vmi.Conditions[at].Message, true, from
		case vmi.Phase != "Running":
			n.Cannot(s.what("VMI phase"), "it is "+text(vmi.Phase)+": neither refused for its network nor running")
			continue
		case p.Passed:
			got, holds = "reachable", true
		case p.Detail != "":
			got += " (" + p.Detail + ")"
		}
		n.Check(s.what("on a Layer3 network, by "+path), tried, "refused, or reachable", "the claim", got, holds)
	}
}
