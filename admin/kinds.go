package admin

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tingxin/period"
)

// Kind is a kind of thing that can be set.
type Kind string

// The kinds.
const (
	KindTrunk  Kind = "trunk"
	KindRoute  Kind = "route" // of numbers to trunks
	KindNumber Kind = "number"
	KindFlow   Kind = "flow"
	KindPrompt Kind = "prompt"
	KindCodecs Kind = "codecs" // one, named Single
	KindRelay  Kind = "relay"  // TURN; one, named Single
	KindAlert  Kind = "alert"
	KindRule   Kind = "rule" // of what goes by itself
	KindMacro  Kind = "macro"
	// KindTemplate is of tickets.
	KindTemplate Kind = "template"
	KindWebhook  Kind = "webhook"
	// KindHours is opening hours, which the queues keep and judge; their versions are here.
	KindHours Kind = "calendar"
)

// Kinds are all of them, in the order in which one needs the other.
var Kinds = []Kind{KindTrunk, KindRoute, KindPrompt, KindFlow, KindNumber, KindCodecs, KindRelay, KindAlert, KindTemplate, KindWebhook, KindMacro, KindRule}

// Single is the name of what there is once.
const Single = "server"

// Restart tells whether a change of the kind counts from the next start on only.
func (k Kind) Restart() bool { return k == KindCodecs || k == KindRelay }

// Drafts tells whether a change waits until somebody makes it live.
func (k Kind) Drafts() bool { return k == KindFlow }

// Doc is a document of some kind.
type Doc interface {
	// Judge lists what is wrong with the document alone.
	Judge() Faults
	// secrets points at every secret by its field; they are kept apart, sealed.
	secrets() map[string]*string
}

// New makes an empty document of the kind.
func (k Kind) New() (Doc, error) {
	switch k {
	case KindTrunk:
		return &Trunk{}, nil
	case KindRoute:
		return &Outbound{}, nil
	case KindNumber:
		return &Number{}, nil
	case KindFlow:
		return &Flow{}, nil
	case KindPrompt:
		return &Prompt{}, nil
	case KindCodecs:
		return &Codecs{}, nil
	case KindRelay:
		return &Relay{}, nil
	case KindAlert:
		return &AlertRule{}, nil
	case KindRule:
		return &Automation{}, nil
	case KindMacro:
		return &Macro{}, nil
	case KindTemplate:
		return &TicketTemplate{}, nil
	case KindWebhook:
		return &Webhook{}, nil
	case KindHours:
		return &Hours{}, nil
	}
	return nil, fmt.Errorf("there is no kind %.20q of settings", k)
}

// Hours are a calendar as the queues write it; what is in it is theirs to judge.
type Hours struct{ Text json.RawMessage }

// Judge implements Doc.
func (h *Hours) Judge() Faults { return nil }

func (h *Hours) secrets() map[string]*string { return nil }

// MarshalJSON writes the calendar as it is.
func (h *Hours) MarshalJSON() ([]byte, error) { return h.Text.MarshalJSON() }

// UnmarshalJSON keeps the calendar as it is.
func (h *Hours) UnmarshalJSON(b []byte) error { return h.Text.UnmarshalJSON(b) }

// Auth is a digest account. The password can be written and not be read.
type Auth struct {
	Username   string   `json:"username" yaml:"username"`
	Password   string   `json:"password,omitempty" yaml:"password" doc:"write-only; empty keeps the one that is there"`
	Algorithms []string `json:"algorithms,omitempty" yaml:"algorithms" doc:"SHA-256, MD5; both in this order when empty"`
}

// CallerID are the rules of the numbers that our calls show.
type CallerID struct {
	Numbers []string `json:"numbers,omitempty" yaml:"numbers" doc:"ours to show, exact or with *"`
	Default string   `json:"default,omitempty" yaml:"default"`
	Assert  bool     `json:"assert,omitempty" yaml:"assert" doc:"send P-Asserted-Identity"`
}

// Trunk is a carrier, a PBX, a phone.
type Trunk struct {
	Addresses    []string      `json:"addresses,omitempty" yaml:"addresses" doc:"IP addresses and prefixes its calls come from"`
	Auth         *Auth         `json:"auth,omitempty" yaml:"auth" doc:"asked from it"`
	Credentials  *Auth         `json:"credentials,omitempty" yaml:"credentials" doc:"with which we answer it"`
	Proxy        string        `json:"proxy,omitempty" yaml:"proxy" doc:"where calls are sent, sip:host:port;transport=udp"`
	Transports   []string      `json:"transports,omitempty" yaml:"transports"`
	SRTP         string        `json:"srtp,omitempty" yaml:"srtp" enum:",off,optional,required"`
	MaxCalls     int           `json:"max_calls,omitempty" yaml:"max_calls"`
	CPS          int           `json:"cps,omitempty" yaml:"cps" doc:"new calls per second"`
	Codecs       []string      `json:"codecs,omitempty" yaml:"codecs" doc:"PCMA, PCMU, G722, the preferred first; the server's when empty"`
	Register     bool          `json:"register,omitempty" yaml:"register"`
	Registrar    string        `json:"registrar,omitempty" yaml:"registrar"`
	RegisterAs   string        `json:"register_as,omitempty" yaml:"register_as"`
	Expires      period.Period `json:"register_expires,omitempty" yaml:"register_expires"`
	Probe        period.Period `json:"probe,omitempty" yaml:"probe" doc:"how often OPTIONS asks whether it is there"`
	ProbeMisses  int           `json:"probe_misses,omitempty" yaml:"probe_misses"`
	ProbeReplies int           `json:"probe_replies,omitempty" yaml:"probe_replies"`
	Format       string        `json:"format,omitempty" yaml:"format" enum:",e164,plain,national"`
	CallerID     CallerID      `json:"caller_id,omitzero" yaml:"caller_id"`
}

var trunkCodecs = []string{"PCMA", "PCMU", "G722"}

// Judge implements Doc.
func (t *Trunk) Judge() Faults {
	var f Faults
	if len(t.Addresses) == 0 && t.Auth == nil && t.Proxy == "" {
		f.add("addresses", Required, "it needs addresses, a password or a proxy to be known by")
	}
	f.within("addresses", len(t.Addresses), 256, "addresses")
	for i, a := range t.Addresses {
		if _, err := netip.ParsePrefix(a); err != nil {
			if _, err := netip.ParseAddr(a); err != nil {
				f.add(fmt.Sprintf("addresses[%d]", i), Format, "%.60q is no IP address or prefix", a)
			}
		}
	}
	t.Auth.judge("auth", &f)
	t.Credentials.judge("credentials", &f)
	for name, uri := range map[string]string{"proxy": t.Proxy, "registrar": t.Registrar, "register_as": t.RegisterAs} {
		if uri != "" && (!strings.HasPrefix(uri, "sip:") && !strings.HasPrefix(uri, "sips:") || len(uri) > 300) {
			f.add(name, Format, "write an address such as sip:host:5060")
		}
	}
	for _, v := range t.Transports {
		f.oneOf("transports", v, "udp", "tcp", "tls")
	}
	f.oneOf("srtp", t.SRTP, "off", "optional", "required")
	f.oneOf("format", t.Format, "e164", "plain", "national")
	codecs("codecs", t.Codecs, trunkCodecs, &f)
	for name, n := range map[string]int{"max_calls": t.MaxCalls, "cps": t.CPS, "probe_misses": t.ProbeMisses, "probe_replies": t.ProbeReplies} {
		if n < 0 || n > 100_000 {
			f.add(name, Range, "between 0 and 100000")
		}
	}
	if (t.Register || t.Probe > 0) && t.Proxy == "" {
		f.add("proxy", Required, "registering and probing need a proxy")
	}
	if t.Register && t.Credentials == nil {
		f.add("credentials", Required, "registering needs credentials")
	}
	if p := time.Duration(t.Probe); p != 0 && p < time.Second {
		f.add("probe", Range, "a second or more")
	}
	return f
}

func (a *Auth) judge(field string, f *Faults) {
	if a == nil {
		return
	}
	if a.Username == "" {
		f.add(field+".username", Required, "it needs a user name")
	}
	if a.Password == "" {
		f.add(field+".password", Required, "it needs a password")
	}
	f.within(field+".username", len(a.Username), 128, "characters")
	f.within(field+".password", len(a.Password), 256, "characters")
	for _, v := range a.Algorithms {
		f.oneOf(field+".algorithms", v, "SHA-256", "MD5")
	}
}

func (t *Trunk) secrets() map[string]*string {
	all := map[string]*string{}
	if t.Auth != nil {
		all["auth.password"] = &t.Auth.Password
	}
	if t.Credentials != nil {
		all["credentials.password"] = &t.Credentials.Password
	}
	return all
}

func codecs(field string, list, known []string, f *Faults) {
	for i, c := range list {
		f.oneOf(field, c, known...)
		if slices.Contains(list[:i], c) {
			f.add(field, Taken, "%s stands there twice", c)
		}
	}
}

// Outbound sends numbers to a trunk; see sip.OutboundRoute.
type Outbound struct {
	Prefixes []string `json:"prefixes,omitempty" yaml:"prefixes" doc:"of the numbers, +86 or 0; all when empty"`
	Trunk    string   `json:"trunk" yaml:"trunk"`
	Order    int      `json:"order,omitempty" yaml:"order" doc:"the lowest first, among prefixes of one length"`
	Weight   int      `json:"weight,omitempty" yaml:"weight" doc:"among equals; 1 when 0"`
	Strip    int      `json:"strip,omitempty" yaml:"strip"`
	Prepend  string   `json:"prepend,omitempty" yaml:"prepend"`
}

// Judge implements Doc.
func (r *Outbound) Judge() Faults {
	var f Faults
	if r.Trunk == "" {
		f.add("trunk", Required, "it needs a trunk")
	}
	f.within("prefixes", len(r.Prefixes), 1000, "prefixes")
	for i, p := range r.Prefixes {
		if strings.Trim(p, "+0123456789*#") != "" || len(p) > 32 {
			f.add(fmt.Sprintf("prefixes[%d]", i), Format, "a prefix has digits and + only")
		}
	}
	if strings.Trim(r.Prepend, "+0123456789*#") != "" || len(r.Prepend) > 32 {
		f.add("prepend", Format, "digits and + only")
	}
	for name, n := range map[string]int{"order": r.Order, "weight": r.Weight, "strip": r.Strip} {
		if n < 0 || n > 10_000 {
			f.add(name, Range, "between 0 and 10000")
		}
	}
	return f
}

func (r *Outbound) secrets() map[string]*string { return nil }

// Number says where calls to some numbers go: exactly one of Flow, Queue, User and Bridge.
type Number struct {
	Numbers []string `json:"numbers" yaml:"numbers" doc:"dialled numbers: exact, a prefix with * behind, or * for all"`
	Trunks  []string `json:"trunks,omitempty" yaml:"trunks" doc:"only calls that came by these"`
	Flow    string   `json:"flow,omitempty" yaml:"flow"`
	Queue   string   `json:"queue,omitempty" yaml:"queue" doc:"callers wait there at once"`
	User    string   `json:"user,omitempty" yaml:"user"`
	Bridge  string   `json:"bridge,omitempty" yaml:"bridge" doc:"SIP address, with {number}, {rest} and {caller}"`
	// BridgeTrunk is the trunk by which the address is dialled.
	BridgeTrunk  string        `json:"bridge_trunk,omitempty" yaml:"bridge_trunk"`
	Calendar     string        `json:"calendar,omitempty" yaml:"calendar" doc:"opening hours; always open when empty"`
	Closed       string        `json:"closed,omitempty" yaml:"closed" doc:"flow for calls outside of them"`
	Timeout      period.Period `json:"timeout,omitempty" yaml:"timeout" doc:"of ringing, for user and bridge"`
	Then         string        `json:"then,omitempty" yaml:"then" doc:"flow when the user or bridge does not answer"`
	Language     string        `json:"language,omitempty" yaml:"language"`
	Record       bool          `json:"record,omitempty" yaml:"record"`
	Announcement string        `json:"announcement,omitempty" yaml:"announcement" doc:"said before a recorded bridge is dialled"`
	Emotion      bool          `json:"emotion,omitempty" yaml:"emotion"`
	Transcribe   bool          `json:"transcribe,omitempty" yaml:"transcribe"`
	Phrases      []string      `json:"phrases,omitempty" yaml:"phrases"`
	Label        string        `json:"label,omitempty" yaml:"label" doc:"what people call it"`
}

// Judge implements Doc.
func (n *Number) Judge() Faults {
	var f Faults
	if len(n.Numbers) == 0 {
		f.add("numbers", Required, "it needs a number; * stands for all")
	}
	f.within("numbers", len(n.Numbers), 500, "numbers")
	for i, v := range n.Numbers {
		if v == "" || len(v) > 64 || strings.ContainsAny(v, " \t\r\n") || strings.Contains(strings.TrimSuffix(v, "*"), "*") && v != "*" {
			f.add(fmt.Sprintf("numbers[%d]", i), Format, "a number has no spaces, and * at its end only")
		}
	}
	kinds := 0
	for _, v := range []string{n.Flow, n.Queue, n.User, n.Bridge} {
		if v != "" {
			kinds++
		}
	}
	if kinds != 1 {
		f.add("target", Choice, "it goes to exactly one of a flow, a queue, a user and a SIP address")
	}
	if n.Bridge != "" && !strings.HasPrefix(n.Bridge, "sip:") && !strings.HasPrefix(n.Bridge, "sips:") {
		f.add("bridge", Format, "write an address such as sip:{number}@10.0.0.7:5060")
	}
	if (n.Then != "" || n.Timeout != 0) && n.User == "" && n.Bridge == "" {
		f.add("then", Choice, "only a user or a SIP address has a time of ringing and what comes then")
	}
	if (n.Calendar == "") != (n.Closed == "") {
		f.add("closed", Required, "opening hours and the flow for other times belong together")
	}
	if n.Language != "" && !languageRule.MatchString(n.Language) {
		f.add("language", Format, "a language such as en or zh")
	}
	if time.Duration(n.Timeout) > 10*time.Minute {
		f.add("timeout", Range, "at most 10 minutes")
	}
	f.within("announcement", len(n.Announcement), 2000, "bytes")
	f.within("label", len(n.Label), 200, "bytes")
	f.within("phrases", len(n.Phrases), 500, "phrases")
	f.within("trunks", len(n.Trunks), 100, "trunks")
	return f
}

func (n *Number) secrets() map[string]*string { return nil }

// maxFlowText bounds a flow document, bytes.
const maxFlowText = 256 << 10

// Flow is a flow document as it is written (YAML).
type Flow struct {
	Text string `json:"text" yaml:"text"`
}

// Judge implements Doc. A draft may have mistakes: what the text says is judged before it goes live.
func (w *Flow) Judge() Faults {
	var f Faults
	if strings.TrimSpace(w.Text) == "" {
		f.add("text", Required, "the document is empty")
	}
	f.within("text", len(w.Text), maxFlowText, "bytes")
	return f
}

func (w *Flow) secrets() map[string]*string { return nil }

// Sound is a WAV file of a prompt.
type Sound struct {
	Sum     string  `json:"sum" yaml:"sum" doc:"SHA-256 of the file, hexadecimal"`
	Seconds float64 `json:"seconds" yaml:"seconds"`
}

// Prompt is what flows say by its name: per language a text to be spoken, or a sound.
type Prompt struct {
	Texts  map[string]string `json:"texts,omitempty" yaml:"texts" doc:"by language"`
	Sounds map[string]Sound  `json:"sounds,omitempty" yaml:"sounds" doc:"by language; goes before a text"`
}

// Judge implements Doc.
func (p *Prompt) Judge() Faults {
	var f Faults
	if len(p.Texts)+len(p.Sounds) == 0 {
		f.add("texts", Required, "it needs a text or a sound in some language")
	}
	f.within("texts", len(p.Texts), 40, "languages")
	f.within("sounds", len(p.Sounds), 40, "languages")
	for lang, text := range p.Texts {
		if !languageRule.MatchString(lang) {
			f.add("texts", Format, "%.20q is no language such as en or zh", lang)
		}
		if strings.TrimSpace(text) == "" || len(text) > 4000 {
			f.add("texts."+lang, Range, "1 to 4000 bytes of text")
		}
		if strings.Contains(text, "${") {
			f.add("texts."+lang, Format, "a prompt holds no variables; those stand in flows")
		}
	}
	for lang, s := range p.Sounds {
		if !languageRule.MatchString(lang) {
			f.add("sounds", Format, "%.20q is no language such as en or zh", lang)
		}
		if len(s.Sum) != 64 || strings.Trim(s.Sum, "0123456789abcdef") != "" {
			f.add("sounds."+lang, Format, "a sound is named by its SHA-256")
		}
	}
	return f
}

func (p *Prompt) secrets() map[string]*string { return nil }

// Codecs are the codecs that are offered, the preferred first.
type Codecs struct {
	Trunks   []string `json:"trunks,omitempty" yaml:"trunks" doc:"of trunks that have none of their own: PCMA, PCMU, G722"`
	Browsers []string `json:"browsers,omitempty" yaml:"browsers" doc:"opus, PCMA, PCMU, G722"`
}

// Judge implements Doc.
func (c *Codecs) Judge() Faults {
	var f Faults
	codecs("trunks", c.Trunks, trunkCodecs, &f)
	codecs("browsers", c.Browsers, []string{"opus", "PCMA", "PCMU", "G722"}, &f)
	return f
}

func (c *Codecs) secrets() map[string]*string { return nil }

// Relay is the TURN relay for browsers behind firewalls; see media.TURNConfig.
type Relay struct {
	Listen      string        `json:"listen,omitempty" yaml:"listen" doc:"address and port for UDP and TCP, 0.0.0.0:3478; empty is off"`
	ListenTLS   string        `json:"listen_tls,omitempty" yaml:"listen_tls"`
	Certificate string        `json:"certificate,omitempty" yaml:"certificate" doc:"PEM file on the server"`
	Key         string        `json:"key,omitempty" yaml:"key" doc:"PEM file on the server"`
	Host        string        `json:"host,omitempty" yaml:"host"`
	PortMin     int           `json:"port_min,omitempty" yaml:"port_min"`
	PortMax     int           `json:"port_max,omitempty" yaml:"port_max"`
	Secret      string        `json:"secret,omitempty" yaml:"secret" doc:"write-only; empty keeps the one that is there"`
	Lifetime    period.Period `json:"lifetime,omitempty" yaml:"lifetime"`
	PerUser     int           `json:"per_user,omitempty" yaml:"per_user"`
}

// Judge implements Doc.
func (r *Relay) Judge() Faults {
	var f Faults
	for name, v := range map[string]string{"listen": r.Listen, "listen_tls": r.ListenTLS} {
		if v == "" {
			continue
		}
		if _, err := netip.ParseAddrPort(v); err != nil {
			f.add(name, Format, "an address and a port such as 0.0.0.0:3478")
		}
	}
	if r.ListenTLS != "" && (r.Certificate == "" || r.Key == "") {
		f.add("certificate", Required, "TLS needs a certificate and its key")
	}
	for name, n := range map[string]int{"port_min": r.PortMin, "port_max": r.PortMax} {
		if n != 0 && (n < 1024 || n > 65535) {
			f.add(name, Range, "between 1024 and 65535")
		}
	}
	if (r.PortMin == 0) != (r.PortMax == 0) || r.PortMin > r.PortMax {
		f.add("port_max", Range, "both ends of the range, the lower first")
	}
	if r.PerUser < 0 || r.PerUser > 1000 {
		f.add("per_user", Range, "between 0 and 1000")
	}
	f.within("secret", len(r.Secret), 256, "characters")
	return f
}

func (r *Relay) secrets() map[string]*string { return map[string]*string{"secret": &r.Secret} }

// Metrics of alerts, per queue.
const (
	MetricWaiting   = "waiting"   // pieces of work
	MetricOldest    = "oldest"    // seconds that the oldest has waited
	MetricLevel     = "level"     // percent answered in time, last 30 min
	MetricAbandoned = "abandoned" // given up, last 30 min
	MetricFree      = "free"      // agents with nothing on hand
	MetricAgents    = "agents"    // agents at work
	MetricEstimate  = "estimate"  // seconds that a newcomer would wait
)

// Metrics are all of them.
var Metrics = []string{MetricWaiting, MetricOldest, MetricLevel, MetricAbandoned, MetricFree, MetricAgents, MetricEstimate}

// AlertRule is a rule: the metric of a queue has been beyond a value for a time.
type AlertRule struct {
	Metric   string        `json:"metric" yaml:"metric" enum:"waiting,oldest,level,abandoned,free,agents,estimate" doc:"times in seconds, level in percent"`
	Operator string        `json:"operator" yaml:"operator" enum:">,>=,<,<="`
	Value    float64       `json:"value" yaml:"value"`
	For      period.Period `json:"for,omitempty" yaml:"for" doc:"how long it must hold"`
	Queues   []string      `json:"queues,omitempty" yaml:"queues" doc:"all when empty"`
	Severity string        `json:"severity" yaml:"severity" enum:"warning,critical"`
	Off      bool          `json:"off,omitempty" yaml:"off"`
	Label    string        `json:"label,omitempty" yaml:"label"`
}

// Judge implements Doc.
func (a *AlertRule) Judge() Faults {
	var f Faults
	for field, v := range map[string]string{"metric": a.Metric, "operator": a.Operator, "severity": a.Severity} {
		if v == "" {
			f.add(field, Required, "it is missing")
		}
	}
	f.oneOf("metric", a.Metric, Metrics...)
	f.oneOf("operator", a.Operator, ">", ">=", "<", "<=")
	f.oneOf("severity", a.Severity, "warning", "critical")
	if a.Value < -1 || a.Value > 1e9 || a.Value != a.Value {
		f.add("value", Range, "a number from 0 to 1000000000")
	}
	if time.Duration(a.For) > 24*time.Hour {
		f.add("for", Range, "at most a day")
	}
	f.within("queues", len(a.Queues), 1000, "queues")
	f.within("label", len(a.Label), 200, "bytes")
	return f
}

func (a *AlertRule) secrets() map[string]*string { return nil }
