// Package manifests holds what is applied to a cluster: the platform's components and the scenarios.
package manifests

import (
	"embed"
	"io/fs"
)

//go:embed all:components all:scenarios
var files embed.FS

// Components is a folder for each component of the platform: ovn-kubernetes, multus, kubevirt. Its files hold
// the placeholders ${STACK_IMAGE}, ${API_SERVER_HOST}, ${GATEWAY} and ${EMULATION}.
// (fs.Sub refuses only names that are no path.)
var Components, _ = fs.Sub(files, "components")

// Scenarios is a folder for each scenario, with what a user would apply.
var Scenarios, _ = fs.Sub(files, "scenarios")
