package kind

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestConfig(t *testing.T) {
	for _, o := range []Options{
		{Name: "vmnet", Nodes: 1, APIServerAddress: "192.0.2.30", Stores: []string{"/srv/node-1"}},
		{Name: "vmnet", Nodes: 2, APIServerAddress: "192.0.2.30", Stores: []string{"/srv/node-1", "/srv/node-2"}},
		{Name: "laptop", Nodes: 3},
	} {
		t.Run(fmt.Sprintf("%d nodes", o.Nodes), func(t *testing.T) {
			text, err := yaml.Marshal(Config(o))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", fmt.Sprintf("config-%d.yaml", o.Nodes))
			if *update {
				if err := os.WriteFile(golden, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != string(want) {
				t.Errorf("config differs from %s (go test -update writes it anew):\n%s", golden, text)
			}
			// What is in the file is what kind reads, by its own types and nothing besides.
			var back v1alpha4.Cluster
			if err := yaml.UnmarshalStrict(want, &back); err != nil {
				t.Fatal(err)
			}
			if back.APIVersion != "kind.x-k8s.io/v1alpha4" || back.Kind != "Cluster" || back.Name != o.Name {
				t.Errorf("decoded again: %s %s %s", back.APIVersion, back.Kind, back.Name)
			}
			if !back.Networking.DisableDefaultCNI || back.Networking.KubeProxyMode != "none" {
				t.Error("OVN-Kubernetes shares the cluster with another CNI or kube-proxy")
			}
			if len(back.Nodes) != o.Nodes {
				t.Fatalf("%d nodes, want %d", len(back.Nodes), o.Nodes)
			}
			mounts := map[string]bool{}
			for i, n := range back.Nodes {
				if (n.Role == v1alpha4.ControlPlaneRole) != (i == 0) {
					t.Errorf("node %d is a %s", i, n.Role)
				}
				for _, m := range n.ExtraMounts {
					if m.Readonly {
						continue
					}
					if mounts[m.HostPath] {
						t.Errorf("two nodes write to %s", m.HostPath)
					}
					mounts[m.HostPath] = true
				}
			}
			if len(mounts) != len(o.Stores) {
				t.Errorf("%d stores mounted, want %d", len(mounts), len(o.Stores))
			}
		})
	}
}

// Each patch must be aimed at one of kubeadm's objects, or kind drops it without a word.
func TestKubeadmPatches(t *testing.T) {
	for _, o := range []Options{{Name: "a", Nodes: 1}, {Name: "a", Nodes: 2}} {
		kinds := map[string]map[string]any{}
		for _, patch := range Config(o).KubeadmConfigPatches {
			var content map[string]any
			if err := yaml.UnmarshalStrict([]byte(patch), &content); err != nil {
				t.Fatal(err)
			}
			kinds[fmt.Sprint(content["kind"])] = content
		}
		for _, kind := range []string{"ClusterConfiguration", "KubeletConfiguration"} {
			if kinds[kind] == nil {
				t.Errorf("%d nodes: no patch for %s", o.Nodes, kind)
			}
		}
		if len(o.Stores) == 0 && kinds["InitConfiguration"]["patches"] != nil {
			t.Error("kubeadm is sent to a folder that nobody made")
		}
		// kind takes the taint of a single node away itself and fails when it is not there
		if _, untainted := kinds["InitConfiguration"]; untainted != (o.Nodes > 1) {
			t.Errorf("%d nodes: taint patch %v", o.Nodes, untainted)
		}
	}
}

func TestAPIServerPort(t *testing.T) {
	for address, want := range map[string]int32{"": 0, "127.0.0.1": 0, "::1": 0, "192.0.2.30": 6443, "0.0.0.0": 6443} {
		if got := apiServerPort(address); got != want {
			t.Errorf("%q: %d, want %d", address, got, want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for name, o := range map[string]Options{
		"no name":        {BedDir: "bed"},
		"no bed":         {Name: "a"},
		"too many nodes": {Name: "a", BedDir: "bed", Nodes: 10},
		"negative":       {Name: "a", BedDir: "bed", Nodes: -1},
		"shared store":   {Name: "a", BedDir: "bed", Nodes: 2, Stores: []string{"/srv/one"}},
	} {
		if err := o.complete(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
