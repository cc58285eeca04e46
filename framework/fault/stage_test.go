package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// stagedEngine has a claim S that reads the stage "moved": it fails there with the state of the network.
func stagedEngine(n *network, told *[]string) *engine {
	e := testEngine(n, told)
	e.look = func(ctx context.Context, _ string) (model.Observation, error) {
		n.log = append(n.log, "look")
		return model.Observation{Scenario: n.state, Stages: []model.Stage{{Name: model.Steady}}}, ctx.Err()
	}
	e.come = func(ctx context.Context, _, stage string, before model.Observation) (model.Observation, error) {
		n.log = append(n.log, "come "+stage)
		return model.Observation{Scenario: before.Scenario, Stages: append(slices.Clone(before.Stages), model.Stage{Name: stage, Frames: map[string]model.Read[[]model.Frame]{n.state: {}}})}, ctx.Err()
	}
	e.aftermath = func(_ context.Context, stage string, _ model.Observation) error {
		n.log = append(n.log, "back from "+stage)
		return nil
	}
	e.judge = func(o model.Observation) []model.Judgement {
		js := []model.Judgement{judged("A", model.Pass, "")}
		for _, s := range o.Stages[1:] {
			v, reason := model.Pass, ""
			if _, broken := s.Frames["broken"]; broken {
				v, reason = model.Fail, "it is broken"
			}
			js = append(js, judged("S", v, reason))
		}
		return js
	}
	return e
}

func TestStagedFaults(t *testing.T) {
	staged := func(n *network, id, to string) Fault {
		return Fault{ID: id, Stage: "moved", Red: red("S", "^it is broken$"), Steps: []Step{fakeStep{n: n, to: to}}}
	}
	t.Run("a stage once without a fault, then with each", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := stagedEngine(n, &told).run(t.Context(), alone(staged(n, "one", "broken"), staged(n, "two", "odd")))
		if err != nil || !out[0].Killed || !out[0].Restored || out[1].Killed || !out[1].Restored {
			t.Fatalf("%v %+v", err, out)
		}
		want := []string{"look", "come moved", "back from moved", "look",
			"do broken", "come moved", "undo broken", "back from moved", "look",
			"do odd", "come moved", "undo odd", "back from moved", "look"}
		if !slices.Equal(n.log, want) {
			t.Errorf("%q", n.log)
		}
		if out[0].Cells["S"].Before != model.Pass || len(out[0].Cells) != 1 {
			t.Errorf("%+v", out[0].Cells)
		}
	})
	t.Run("a claim that reads the stage is not asked for without it", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := stagedEngine(n, &told).run(t.Context(), alone(Fault{ID: "one", Red: red("A", "^x$"), Steps: []Step{fakeStep{n: n, to: "broken"}}}))
		if err != nil || len(out[0].Cells) != 1 || out[0].Cells["A"].Effect != Survived {
			t.Fatalf("%v %+v", err, out)
		}
	})
	t.Run("no stage for faults that cannot be injected", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		f := staged(n, "one", "broken")
		f.Needs = []model.Feature{model.FeatureIPAMExtension}
		out, err := stagedEngine(n, &told).run(t.Context(), alone(f))
		if err != nil || out[0].Skipped == "" || !slices.Equal(n.log, []string{"look"}) {
			t.Fatalf("%v %+v %q", err, out, n.log)
		}
	})
	t.Run("a stage that is red without a fault", func(t *testing.T) {
		n, told := &network{state: "broken"}, []string(nil)
		out, err := stagedEngine(n, &told).run(t.Context(), alone(staged(n, "one", "broken")))
		if err != nil || out[0].Skipped != "S is FAIL without it" {
			t.Fatalf("%v %+v", err, out)
		}
	})
	t.Run("a way back that fails ends the run", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		e := stagedEngine(n, &told)
		e.aftermath = func(context.Context, string, model.Observation) error { return errors.New("it does not move") }
		_, err := e.run(t.Context(), alone(staged(n, "one", "broken")))
		if !errors.As(err, new(*undoError)) || !strings.Contains(err.Error(), "it does not move") {
			t.Fatal(err)
		}
	})
	t.Run("an interrupt still goes back", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		ctx, cancel := context.WithCancel(t.Context())
		e := stagedEngine(n, &told)
		come := e.come
		e.come = func(ctx context.Context, name, stage string, before model.Observation) (model.Observation, error) {
			if name == "one" {
				cancel()
			}
			return come(ctx, name, stage, before)
		}
		if _, err := e.run(ctx, alone(staged(n, "one", "broken"))); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if last := n.log[len(n.log)-2:]; !slices.Equal(last, []string{"undo broken", "back from moved"}) {
			t.Errorf("%q", n.log)
		}
	})
}

func TestStateCounts(t *testing.T) {
	n, told := &network{state: "fine"}, []string(nil)
	e := testEngine(n, &told)
	left := ""
	e.patience, e.statePoll = 20*time.Millisecond, time.Millisecond
	e.state = func(context.Context) (state, error) { return stateOf("x" + left), nil }
	f := Fault{ID: "one", Red: red("A", "^it is broken$"), Steps: []Step{fakeStep{n: n, to: "broken"}, leaving{&left}}}
	out, err := e.run(t.Context(), alone(f))
	if err == nil && (out[0].Restored || !strings.Contains(fmt.Sprint(out[0].Differences), "spec of VM vm-b")) {
		t.Errorf("what is left in OVN or a spec is not seen: %+v", out)
	}
	if err != nil {
		t.Error(err)
	}
}

// leaving is a step that is not taken back.
type leaving struct{ left *string }

func (leaving) Reversible() bool { return true }

func (l leaving) Do(context.Context, *World) (Undo, error) {
	*l.left = "y"
	return func(context.Context) error { return nil }, nil
}
