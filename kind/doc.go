// Package kind makes the cluster: nodes by kind's own library on a Docker engine, the platform's components on
// them, a peer outside, and the bed directory that says where all of it is. It takes away what it made.
//
// The engine and the images are somebody else's choice: any engine that docker reaches, images that are in the
// node image already (Source) or published ones (Published).
package kind
