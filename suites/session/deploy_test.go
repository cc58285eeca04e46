package session

import (
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

// What is deployed, and which stages it goes through, follows from the claims that were selected and apply.
func TestSelected(t *testing.T) {
	on := func(features ...model.Feature) model.Facts {
		f := model.Facts{Features: map[model.Feature]model.Presence{
			model.FeatureUDN: {}, model.FeatureL2Bridge: {}, model.FeatureTwoNodes: {}, model.FeatureOutside: {}, model.FeatureIPAMExtension: {}, model.FeatureClusterDNS: {},
			model.FeaturePhysical: {}, model.FeatureCNVBridge: {}}}
		for _, one := range features {
			f.Features[one] = model.Presence{Present: true}
		}
		return f
	}
	udn := on(model.FeatureUDN, model.FeatureL2Bridge)
	all := on(model.FeatureUDN, model.FeatureL2Bridge, model.FeatureTwoNodes, model.FeatureOutside, model.FeatureIPAMExtension, model.FeatureClusterDNS,
		model.FeaturePhysical, model.FeatureCNVBridge)
	for name, c := range map[string]struct {
		claims []string
		facts  model.Facts
		want   map[string][]string // stages by scenario
		idle   []string
	}{
		"everything": {nil, all, map[string][]string{judge.ClusterNetwork: {"steady"}, judge.PrimaryUDN: {"steady", "restarted", "migrated", "deleted"},
			judge.SecondaryUDN: {"steady", "restarted"}, judge.Localnet: {"steady", "restarted"}, judge.LinuxBridge: {"steady"}}, nil},
		"a claim of the steady stage":          {[]string{"PU-02"}, all, map[string][]string{judge.PrimaryUDN: {"steady"}}, nil},
		"a claim of a later stage":             {[]string{"CN-01", "PU-20"}, all, map[string][]string{judge.ClusterNetwork: {"steady"}, judge.PrimaryUDN: {"steady", "migrated"}}, nil},
		"a stage of which no claim applies":    {[]string{"PU-19", "PU-20"}, udn, map[string][]string{judge.PrimaryUDN: {"steady", "restarted"}}, nil},
		"a scenario of which no claim applies": {[]string{"CN-01", "PU-02", "SU-01"}, on(), map[string][]string{judge.ClusterNetwork: {"steady"}}, []string{judge.PrimaryUDN, judge.SecondaryUDN}},
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := judge.Select(nil, c.claims)
			if err != nil {
				t.Fatal(err)
			}
			got := selected(claims, c.facts)
			for _, s := range got {
				if !slices.Equal(s.stages, c.want[s.name]) || s.idle {
					t.Errorf("%s: stages %v, idle %t", s.name, s.stages, s.idle)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d scenarios, want %d", len(got), len(c.want))
			}
			for _, name := range c.idle {
				if !Of(name).idle {
					t.Errorf("%s is not idle", name)
				}
			}
		})
	}
}
