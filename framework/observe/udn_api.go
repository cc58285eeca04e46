package observe

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// networks reads the user-defined networks.
func (o *observer) networks(ctx context.Context) {
	var parts []func()
	for _, n := range o.running.Networks() {
		parts = append(parts, func() {
			r := o.network(ctx, n)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.stage.Networks[n.Key] = r
		})
	}
	together(parts...)
}

// network joins a network's object with the NetworkAttachmentDefinition that was made of it. That there is none is
// something seen, not a look that failed; but for one of the user's own, which is nothing else.
func (o *observer) network(ctx context.Context, n scenario.NetworkRef) model.Read[model.Network] {
	namespace := o.running.Namespace
	if in := n.AttachedIn(); len(in) > 0 {
		namespace = in[0]
	}
	if n.Attachment {
		made, err := o.get(ctx, scenario.NADKind, namespace, n.Name)
		return object("get network-attachment-definition "+n.Name, made, err, func(text string) (model.Network, error) {
			d, err := parse.NAD(text)
			return model.Network{Namespace: n.Namespace, Name: n.Name, Asked: n.Asked, Made: d.Made, NetworkName: d.Name, ID: d.ID}, err
		})
	}
	asked, err := o.udnObject(ctx, n)
	u := object("get "+strings.ToLower(asked.GetKind())+" "+n.Name, asked, err, parse.UDN)
	made, err := o.get(ctx, scenario.NADKind, namespace, n.Name)
	missing := apierrors.IsNotFound(err)
	d := object("get network-attachment-definition "+n.Name, made, err, parse.NAD)
	r := model.Read[model.Network]{Place: apiPlace, Command: u.Command + "; " + d.Command, Raw: u.Raw + "\n" + d.Raw, At: time.Now().UTC(), Value: u.Value}
	r.Value.Namespace, r.Value.Name, r.Value.Asked = n.Namespace, n.Name, n.Asked
	r.Value.Made, r.Value.NetworkName, r.Value.ID = d.Value.Made, d.Value.Name, d.Value.ID
	switch {
	case u.Err != "":
		r.Err = u.Err
	case d.Err != "" && !missing:
		r.Err = d.Err
	}
	return r
}

func (o *observer) udnObject(ctx context.Context, n scenario.NetworkRef) (*unstructured.Unstructured, error) {
	return o.get(ctx, n.Kind(), n.Namespace, n.Name)
}

func (o *observer) get(ctx context.Context, kind schema.GroupVersionKind, namespace, name string) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	return u, o.bed.Objects.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, u)
}

// ipamClaims reads those of all VMs on networks whose addresses last.
func (o *observer) ipamClaims(ctx context.Context) {
	var parts []func()
	for _, s := range o.running.Specs {
		if !o.lasting(s) {
			continue
		}
		for _, i := range s.Interfaces {
			parts = append(parts, func() {
				r := o.ipamClaim(ctx, o.running.NamespaceOf(s.Name), claimName(s.Name, i.Name))
				o.view(s.Name, func(v *model.VMView) {
					if v.IPAMClaims == nil {
						v.IPAMClaims = map[string]model.Read[model.IPAMClaim]{}
					}
					v.IPAMClaims[i.Name] = r
				})
			})
		}
	}
	together(parts...)
}

// claimName is the name that the IPAM extension gives to a claim: the VM's and the network's in its spec
// (kubevirt/ipam-extensions, pkg/ipamclaim: GenerateName).
func claimName(vm, network string) string { return vm + "." + network }

func (o *observer) lasting(s model.VMSpec) bool {
	for _, n := range o.running.Networks() {
		if n.Group == s.Group && n.Asked.Persistent {
			return true
		}
	}
	return false
}

// ipamClaim reads one. That there is none is something seen: a claim without a name.
func (o *observer) ipamClaim(ctx context.Context, namespace, name string) model.Read[model.IPAMClaim] {
	u, err := o.get(ctx, scenario.ClaimKind, namespace, name)
	command := "get ipamclaim " + name
	if apierrors.IsNotFound(err) {
		return model.Read[model.IPAMClaim]{Place: apiPlace, Command: command, Raw: err.Error(), At: time.Now().UTC()}
	}
	return object(command, u, err, func(text string) (model.IPAMClaim, error) {
		c, err := parse.IPAMClaim(text)
		c.By = maker(text)
		return c, err
	})
}

// maker says who made an object: what vmnet makes has its label.
func maker(text string) string {
	var o struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(text), &o); err == nil && o.Metadata.Labels[bed.PartOfLabel] == bed.PartOf {
		return "vmnet"
	}
	return "ipam-extension"
}
