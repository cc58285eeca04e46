package model

// Verdict is the outcome of one claim.
type Verdict string

// The verdicts. ERROR means that the suite could not observe: it counts neither for nor against the network.
const (
	Pass          Verdict = "PASS"
	Fail          Verdict = "FAIL"
	Known         Verdict = "KNOWN"
	NotApplicable Verdict = "NOT-APPLICABLE"
	Error         Verdict = "ERROR"
	// DidNotRun is a claim that was selected and for which no judgement exists; it fails a run.
	DidNotRun Verdict = "DID-NOT-RUN"
)

// Profile says how much of the suite a claim belongs to.
type Profile string

// The profiles: core is what the slides say, extended is the rest.
const (
	Core     Profile = "core"
	Extended Profile = "extended"
)

// Evidence is one comparison that a claim made: what was looked at, where, and both values.
type Evidence struct {
	// What names the compared thing: "vm-a eth0 MTU".
	What string `json:"what"`
	// Place and Command are where the observed value was read.
	Place    string `json:"place,omitempty"`
	Command  string `json:"command,omitempty"`
	Expected string `json:"expected"`
	// Why says where the expected value comes from: "node subnet of worker", "spec".
	Why      string `json:"why,omitempty"`
	Observed string `json:"observed"`
	// Holds is whether the two agree. A read that failed has Err instead.
	Holds bool   `json:"holds"`
	Err   string `json:"err,omitempty"`
	// Hop says where the path ends that was looked at, and Way what was seen at each place on it: of a path that did not end
	// as it should and was walked.
	Hop string   `json:"hop,omitempty"`
	Way []string `json:"way,omitempty"`
}

// Judgement is one claim's verdict with everything it rests on.
type Judgement struct {
	ID       string     `json:"id"`
	Text     string     `json:"text"`
	Scenario string     `json:"scenario"`
	Profile  Profile    `json:"profile"`
	Verdict  Verdict    `json:"verdict"`
	Reason   string     `json:"reason,omitempty"`
	Expected string     `json:"expected"`
	Observed string     `json:"observed"`
	Evidence []Evidence `json:"evidence"`
}
