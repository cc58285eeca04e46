package parse

import (
	"fmt"

	"github.com/vmnet-project/vmnet/framework/model"
)

// NetworkStatus is the annotation in which Multus says what a pod was attached to (Kubernetes Network Custom Resource
// Definition De-facto Standard, section 5).
const NetworkStatus = "k8s.v1.cni.cncf.io/network-status"

// Attachments reads that annotation of a pod object as the API prints it in JSON. A pod without it has no attachments that
// anybody tells of, which is an error.
func Attachments(text string) ([]model.Attachment, error) {
	var p object
	if err := decode(text, &p); err != nil {
		return nil, fmt.Errorf("pod: %w", err)
	}
	if err := p.check("pod", "Pod", ""); err != nil { // a list's items have no kind
		return nil, err
	}
	status, ok := p.Metadata.Annotations[NetworkStatus]
	if !ok {
		return nil, fmt.Errorf("pod %s has no annotation %s", p.Metadata.Name, NetworkStatus)
	}
	var rows []model.Attachment
	if err := decode(status, &rows); err != nil {
		return nil, fmt.Errorf("pod %s: annotation %s: %w", p.Metadata.Name, NetworkStatus, err)
	}
	return rows, nil
}
