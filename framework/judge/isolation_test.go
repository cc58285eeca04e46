package judge

import (
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// negatives are the claims that something does not pass: the attempt, what the same client makes with success, what the
// same receiver answers to another client, and whether its frames were looked for.
var negatives = []struct {
	claim, scenario, vain, own, beside string
	captured                           bool
}{
	{"PU-15", PrimaryUDN, "pod/client-default>launcher/vm-p", "pod/client-default>pod/echo-default", "kubelet>launcher/vm-p", false},
	{"PU-15", PrimaryUDN, "node>launcher/vm-p", "", "kubelet>launcher/vm-p", false},
	{"PU-16", PrimaryUDN, "vm-p>pod/echo-default", "vm-p>pod/echo", "pod/client-default>pod/echo-default", true},
	{"PU-16", PrimaryUDN, "vm-p>vm/vm-o", "vm-p>pod/echo", "pod/client-other>vm/vm-o", true},
	{"PU-18", PrimaryUDN, "pod/twin-a>vm-unshared", "pod/twin-a>pod/twin-b", "pod/client>vm-unshared", true},
	{"SU-09", SecondaryUDN, "vm-ps>peer/outside#secondary", "", "vm-ps>peer/outside", true},
	{"SU-10", SecondaryUDN, "vm-po>vm-ps#secondary", "vm-po>vm-ps", "vm-pt>vm-ps#secondary-http", true},
}

func TestRefused(t *testing.T) {
	for _, n := range negatives {
		o := composed(t, n.scenario)
		expect(t, verdict(t, o, n.claim), model.Pass, "")
		changePath(t, o, model.Steady, n.vain, func(p *model.Path) { p.Passed = true })
		expect(t, verdict(t, o, n.claim), model.Fail, n.vain+": expected does not pass (the claim), observed passes")
	}
}

// What is refused beside a control that is dead says nothing.
func TestDeadControls(t *testing.T) {
	for _, n := range negatives {
		for _, control := range []string{n.own, n.beside} {
			if control == "" {
				continue
			}
			dead := "control " + control + ": it does not pass timed out"
			o := composed(t, n.scenario)
			changePath(t, o, model.Steady, control, func(p *model.Path) { p.Passed, p.Detail = false, "timed out" })
			expect(t, verdict(t, o, n.claim), model.Error, dead)
			// it does not hide what passed nevertheless
			changePath(t, o, model.Steady, n.vain, func(p *model.Path) { p.Passed = true })
			expect(t, verdict(t, o, n.claim), model.Fail, n.vain+": expected does not pass")

			o = composed(t, n.scenario)
			s := stage(t, o, model.Steady)
			p := s.Paths[control]
			p.Err = "the client is gone"
			s.Paths[control] = p
			expect(t, verdict(t, o, n.claim), model.Error, "path "+control+": the client is gone")
		}
	}
}

// So does a capture that saw nothing at all, or was made elsewhere; and frames that arrived are a leak, answered or not.
func TestCaptures(t *testing.T) {
	for _, n := range negatives {
		if !n.captured {
			continue
		}
		for words, c := range map[string]struct {
			change  func(vain, beside *model.Read[[]model.Frame])
			verdict model.Verdict
		}{
			"it is empty, though that attempt is the control": {func(_, b *model.Read[[]model.Frame]) { b.Value = nil }, model.Error},
			"it was made at launcher elsewhere":               {func(v, _ *model.Read[[]model.Frame]) { v.Place = "launcher elsewhere" }, model.Error},
			"the capture lost frames":                         {func(v, _ *model.Read[[]model.Frame]) { v.Err = "the capture lost frames" }, model.Error},
			"at the receiver: expected nothing (the claim), observed tcp 10.1.1.3:40001 > 10.7.7.3:8080": {func(v, _ *model.Read[[]model.Frame]) {
				v.Value = []model.Frame{{Proto: "tcp", Src: "10.1.1.3", SrcPort: 40001, Dst: "10.7.7.3", DstPort: 8080}}
			}, model.Fail},
		} {
			o := composed(t, n.scenario)
			s := stage(t, o, model.Steady)
			v, b := s.Frames[n.vain], s.Frames[n.beside]
			c.change(&v, &b)
			s.Frames[n.vain], s.Frames[n.beside] = v, b
			expect(t, verdict(t, o, n.claim), c.verdict, words)
		}
	}
}

// What a control says must be who was meant.
func TestControlAnswersForAnother(t *testing.T) {
	o := composed(t, PrimaryUDN)
	changePath(t, o, model.Steady, "kubelet>launcher/vm-p", func(p *model.Path) { p.Answer = "something else" })
	expect(t, verdict(t, o, "PU-15"), model.Error, "it was answered by something else")
	changePath(t, o, model.Steady, "pod/client>vm-unshared", func(p *model.Path) { p.Target = "http://10.1.1.4:8080/hostname" })
	expect(t, verdict(t, o, "PU-18"), model.Error, "it dialled http://10.1.1.4:8080/hostname, not 10.1.1.5")
}

// Two networks of one subnet that see each other.
func TestJoinedSubnets(t *testing.T) {
	o := composed(t, PrimaryUDN)
	changePath(t, o, model.Steady, "pod/client>shared", func(p *model.Path) { p.Answer = "twin-a" })
	expect(t, verdict(t, o, "PU-18"), model.Fail, "pod/client>shared: answer at 10.1.1.3: expected vm-p (who has that address on primary-udn), observed twin-a")

	// the other twin may be the one whose address is shared
	o = composed(t, PrimaryUDN)
	s := stage(t, o, model.Steady)
	changePath(t, o, model.Steady, "pod/client>shared", func(p *model.Path) { p.To, p.Target, p.Answer = "vm/vm-r", "http://10.1.1.4:8080/hostname", "vm-r" })
	s.Paths["pod/twin-a>shared"] = s.Paths["pod/twin-b>shared"]
	delete(s.Paths, "pod/twin-b>shared")
	changePath(t, o, model.Steady, "pod/twin-a>shared", func(p *model.Path) {
		p.To, p.Target, p.Answer = "pod/twin-b", "http://10.1.1.4:8080/hostname", "twin-b"
	})
	expect(t, verdict(t, o, "PU-18"), model.Pass, "")

	// an attempt at an address that both have is none at a stranger
	changePath(t, o, model.Steady, "pod/twin-a>vm-unshared", func(p *model.Path) { p.To, p.Target = "vm/vm-r", "http://10.1.1.4:8080/hostname" })
	expect(t, verdict(t, o, "PU-18"), model.Error, "vm-r's address 10.1.1.4 is twin-b's, too")
}
