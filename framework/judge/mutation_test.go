package judge

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge/mutate"
	"github.com/vmnet-project/vmnet/framework/model"
)

// equivalent are the changes of something that a claim reads which leave what is claimed true: by claim, kind of
// change and path, each with its reason. Every row must be met by some change.
var equivalent = []struct{ claims, op, path, why string }{
	{"", "dropped", `vms\[vm-spare\]$`, "a scenario may have no spare"},
	{"CN-07", "dropped", `guest\.links\[lo\]$`, "the claim is about links beside lo"},
	{"CN-01 PU-02 SU-01 LN-01", "borrowed", `pod\.node$`, "control pods on all nodes have the same links"},
	{"CN-09", "resized", `vms\[vm-c\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "same gateway and address, the prefix is CN-08's and CN-10's"},
	{"CN-10 PU-09 SU-07 LN-15", "dropped", `guest\.routes\[inet main default( #2)?\]$`, "the claim is about the other routes, which are the same without it"},
	{"CN-11", "changed|resized", `vms\[vm-c\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "still not the default"},
	{"CN-11 CN-12 CN-13 CN-15 CN-16 CN-22", "resized", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "the address counts, the prefix is CN-02's"},
	{"CN-11", "changed", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "another address differs from the other VM's, too"},
	{"CN-14 CN-15 PU-13 PU-14 SU-11 LN-09", "dropped", `frames\[.*\]\[#\d+\]$`, "the flow's other frames tell the same"},
	{"CN-15 PU-14", "changed|emptied", `frames\[.*\]\[#\d+\]\.(src|dst)$`, "any address but those from inside the node"},
	{"CN-15 PU-14", "changed", `paths\[.*>peer/outside\]\.target$`, "another host, but the port tells the flow"},
	{"CN-15", "changed", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-15", "borrowed", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-15", "borrowed", `vms\[vm-[ab]\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-15", "changed|resized|emptied", `vms\[vm-c\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-16", "borrowed", `vms\[vm-a\]\.pod\.node$`, "vm-b and vm-c change roles"},
	{"CN-16", "changed|emptied", `vms\[vm-b\]\.pod\.node$`, "still another node than vm-a's"},
	{"CN-21", "dropped|cleared", `vms\[vm-[ab]\](\.spec\.interfaces(\[default\])?)?$`, "the claim is about VMs with a vmNetworkCIDR of their own"},
	{"CN-23", "changed|borrowed", `port\.hostLink$`, "its name is random; the OVS interface was looked up by it"},
	{"PU-06 PU-08 PU-09 PU-11 PU-12 PU-13 PU-14 PU-15 PU-16 PU-18 SU-04 SU-06 SU-07 SU-08 SU-10 SU-11", "resized", `allotted\[.*\]\.cidrs\[.*\]$`, "the address counts, the prefix is another claim's"},
	{"SU-13", "resized", `secondary-udn\]\.cidrs\[.*\]$`, "the MAC follows from the address"},
	{"PU-03 SU-13", "cleared", `launcher\.routes$`, "no default route among none"},
	{"PU-11", "changed|emptied", `vms\[vm-q\]\.pod\.node$`, "still another node than vm-p's"},
	{"PU-11", "borrowed", `vms\[vm-p\]\.pod\.node$`, "vm-q and vm-r change roles"},
	{"PU-12 PU-13 PU-14 MS-02 MS-03 SU-11", "resized", `masqueradeSubnet$`, "the same base, and the same IPs"},
	{"PU-12", "borrowed", `pod\.node$`, "the network's router on the other node has the same rule"},
	{"PU-14", "changed", `masqueradeSubnet$`, "no address of it is on the wire, either"},
	{"PU-14", "changed|borrowed", `allotted\[.*\]\.cidrs\[.*\]$`, "no address from inside the node is on the wire, this one neither"},
	{"PU-12 PU-13 SU-11", "dropped", `entries\[\S+ as 10\.1\.1\.\S+( #\d)?\]$`, "an entry that translates nothing"},
	{"PU-20", "changed|emptied", `pod\.node$`, "still another node than before"},
	{"PU-21", "changed|borrowed", `paths\[api>.*\]\.detail$`, "still a time-out"},
	{"PU-22", "changed|emptied|dropped", `removal\.users\[.*/client-other\]$`, "a pod beside the VM"},
	{"PU-23", "resized", `serviceSubnets\[.*\]$`, "the address is in it"},
	{"MS-01 MS-02 MS-03 MS-04", "borrowed", `pod\.node$`, "all nodes are looked into"},
	{"MS-02", "dropped", `nat\[\S+ [\d./]+\]$`, "the network's other rules have the same IP"},
	{"MS-03", "changed|emptied", `nat\[.*\]\.externalIP$`, "nobody else has that one, either"},
	{"MS-03", "emptied", `nat\[.*\]\.network$`, "a rule of the default network's"},
	{"MS-03", "dropped", `nat\[.*\]$`, "what is left is as unshared"},
	{"SU-04 SU-13", "changed", `vms\[vm-ps\]\.spec\.interfaces\[secondary-udn\]\.network$`, "the MAC is the spec's, not the network's"},
	{"SU-13", "changed|resized|emptied|dropped", `guest\.routes\[inet main 10\.2\.2\.0/24\](\.(dev|dst))?$`, "the second NIC's"},
	{"SU-13", "borrowed", `guest\.routes\[inet (main 10\.2\.2\.0/24\]\.dst|local 127\.0\.0\.0/8\]\.table)$`, "a route by another NIC"},
	{"SU-09", "borrowed", `paths\[vm-\w+>peer/outside\]\.target$`, "the same host"},
	{"SU-01 SU-02", "changed", `spec\.interfaces\[secondary-udn\]\.network$`, "its links are called after the interface's name in the spec"},
	{"LN-01 LN-03", "changed|borrowed", `spec\.interfaces\[nic-vlan-1924\]\.network$`, "its links are called after the interface's name in the spec"},
	{"LN-03", "changed|emptied|dropped", `guest\.routes\[inet main default #2\](\.dev)?$`, "the other NIC's"},
	{"LN-10", "changed|emptied", `vms\[vm-[md]\]\.pod\.node$`, "still another node"},
	{"LN-10/nad", "borrowed", `vms\[vm-l\]\.pod\.node$`, "the others change roles"},
	{"LN-10/cudn", "borrowed", `vms\[vm-c\]\.pod\.node$`, "the others change roles"},
	{"LN-12", "resized", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "the address counts"},
	{"LN-10 LN-12 LN-14 LN-15", "changed", `peers\[vlan-1924\]\.address$`, "an address of the same subnet"},
	{"LN-12", "changed|emptied", `launcher\.links\[pod16711a0a730\]\.state$`, "of a link that is not UP"},
	{"LN-13 LN-17 LN-18", "changed", `warnings\[#0\]\.message$`, "the word is still in it"},
	{"LN-13", "changed", `mappings\[n2\]\[trunk\]$`, "mapped all the same"},
	{"LB-01 LB-04 MC-03", "resized", `addresses\[.*\]\.cidr$`, "the address counts"},
	{"MC-01 MC-02", "dropped|borrowed", `facts\.nodes\[n\d\](\.name)?$`, "the other node is judged alone"},
	{"MC-02", "dropped", `(networks\[tuned\]\.asked\.plugins\[\w+\]|networks\[cnv\])$`, "the others are there as well"},
	{"MC-03", "changed|emptied", `(spec\.interfaces\[default\]|attachments\[vm-b1\]\[ovn-kubernetes\])\.name$`, "the pod network's, by whatever name"},
	{"MC-04", "changed", `sysctls\[vm-b1\]\[net\.ipv4\.conf\.a116c9ed46d-nic\.drop_gratuitous_arp\]$`, "another than the chain's"},
	{"SU-08 SU-10", "borrowed", `paths\[.*\]\.target$`, "the same host"},
}

// TestMutations changes one thing after another in each recorded observation. Each change of what a claim declares
// must turn its verdict, with a message that names the thing; a failed read must be an ERROR; and a change of anything
// else must not turn it.
func TestMutations(t *testing.T) {
	met := make([]bool, len(equivalent))
	for name, o := range observations(t) {
		before := stored(t, o)
		mutations := mutate.All(&o)
		var all tally
		for _, c := range claimsOf(o) {
			was := Judge(c, o)
			if !green(was) {
				t.Errorf("%s: %s is %s to begin with", name, c.ID, was.Verdict)
			}
			if was.Verdict == model.NotApplicable || !green(was) {
				continue
			}
			x := trial{name: name + ": " + c.ID, claim: c, was: was.Verdict, reads: mutate.Expand(readsOf(c, was.Verdict), o), met: met}
			one := tally{}
			for _, m := range mutations {
				one.add(x.run(t, &o, m))
			}
			t.Logf("%s: %s", x.name, one)
			all.add(one)
		}
		if stored(t, o) != before {
			t.Errorf("%s: a mutation was not taken back", name)
		}
		t.Logf("%s: %d changes; %s", name, len(mutations), all)
	}
	for i, m := range met {
		if !m {
			t.Errorf("no change meets the equivalent %v", equivalent[i])
		}
	}
}

// tally counts mutations of what a claim reads, those that leave what is claimed true, and those of anything else.
type tally struct{ made, killed, same, beside int }

func (c tally) String() string {
	return fmt.Sprintf("%d mutations of what is read, %d killed, %d survived; %d equivalent; %d elsewhere, none of which turns it", c.made, c.killed, c.made-c.killed, c.same, c.beside)
}

func (c *tally) add(d tally) {
	c.made, c.killed, c.same, c.beside = c.made+d.made, c.killed+d.killed, c.same+d.same, c.beside+d.beside
}

// trial is a claim under change after change.
type trial struct {
	name  string
	claim Claim
	was   model.Verdict
	reads []mutate.Pattern
	met   []bool // which equivalents were
}

// readsOf are what a claim declares; one that is KNOWN rests on its component's version, too.
func readsOf(c Claim, was model.Verdict) []string {
	reads := slices.Clone(c.Reads)
	for _, k := range c.Known {
		if was == model.Known {
			reads = append(reads, "facts.versions["+k.Component+"]")
		}
	}
	return reads
}

func (x trial) run(t *testing.T, o *model.Observation, m mutate.Mutation) tally {
	t.Helper()
	var j model.Judgement
	m.While(func() { j = Judge(x.claim, *o) })
	turned := j.Verdict != x.was
	row := equivalence(x.claim.ID, m)
	switch covered := m.Covered(x.reads); {
	case !covered && turned:
		t.Errorf("%s does not declare %s, but: %s", x.name, m, j.Reason)
	case !covered:
		return tally{beside: 1}
	case row >= 0 && !turned:
		x.met[row] = true
		return tally{same: 1}
	case row >= 0:
		t.Errorf("%s: %s is no equivalent (%s): %s", x.name, m, equivalent[row].why, j.Reason)
	case !turned:
		t.Errorf("%s survives %s", x.name, m)
		return tally{made: 1}
	case j.Verdict != model.Error && (m.Op == mutate.Failed || m.Op == mutate.Unlooked):
		t.Errorf("%s is %s where %s", x.name, j.Verdict, m)
	case !green(j) && !names(j, m):
		t.Errorf("%s: after %s the message does not name it: %s", x.name, m, j.Reason)
	}
	return tally{made: 1, killed: 1}
}

func stored(t *testing.T, o any) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func equivalence(id string, m mutate.Mutation) int {
	base, _, _ := strings.Cut(id, "/") // both forms
	for i, e := range equivalent {
		claims := strings.Fields(e.claims)
		if (len(claims) == 0 || slices.Contains(claims, id) || slices.Contains(claims, base)) && matches("^("+e.op+")$", string(m.Op)) && matches(e.path, m.Path) {
			return i
		}
	}
	return -1
}

var compiled = map[string]*regexp.Regexp{}

func matches(pattern, s string) bool {
	if compiled[pattern] == nil {
		compiled[pattern] = regexp.MustCompile(pattern)
	}
	return compiled[pattern].MatchString(s)
}

func BenchmarkJudge(b *testing.B) {
	o := recorded(b)
	claims := claimsOf(o)
	for b.Loop() {
		for _, c := range claims {
			Judge(c, o)
		}
	}
}

func BenchmarkMutate(b *testing.B) {
	o := recorded(b)
	claims := claimsOf(o)
	mutations := mutate.All(&o)
	i := 0
	for b.Loop() {
		mutations[i%len(mutations)].While(func() {
			for _, c := range claims {
				Judge(c, o)
			}
		})
		i++
	}
}
