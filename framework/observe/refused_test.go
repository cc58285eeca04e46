package observe

import (
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// Of the localnet's VMs one of each form restarts, and both are looked at, whichever namespace they are in.
func TestLocalnetVMsThatRestart(t *testing.T) {
	o := newObserver(&bed.Bed{}, &scenario.Running{Scenario: "localnet", Specs: []model.VMSpec{
		{Name: "vm-c", Group: "cudn"}, {Name: "vm-d", Group: "cudn"}, {Name: "vm-l"}, {Name: "vm-m"}, {Name: "vm-spare", Spare: true}}},
		model.Facts{}, model.Restarted, nil)
	if got := o.changing(model.Restarted); !slices.Equal(got, []string{"vm-m", "vm-d", "vm-spare"}) {
		t.Errorf("changing: %q", got)
	}
	var names []string
	for _, s := range o.concerned(model.Restarted) {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"vm-d", "vm-m", "vm-spare"}) {
		t.Errorf("concerned: %q", names)
	}
}
