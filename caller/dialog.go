package caller

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// dialog is the signalling of one call. The goroutine in Call owns it; the
// agent's read loop only posts to its inbox.
type dialog struct {
	agent  *Agent
	inbox  chan posted
	remote netip.AddrPort // where requests go

	uri     string // request URI
	callID  string
	fromURI string
	contact string
	fromTag string
	to      string // To value, with the far end's tag once known
	route   []string
	cseq    int
	branch  string
	auth    string // Authorization or Proxy-Authorization line
}

type posted struct {
	m    *message
	from netip.AddrPort
}

func newTag() string { return rand.Text()[:16] }

func (a *Agent) newDialog(cfg CallConfig) (*dialog, error) {
	uri, addr, err := target(cfg.To)
	if err != nil {
		return nil, err
	}
	user := cfg.From
	if user == "" {
		user = "caller"
	}
	ours := "sip:" + user + "@" + a.Addr().String()
	return &dialog{
		agent: a, inbox: make(chan posted, 32), remote: addr, uri: uri, callID: rand.Text(),
		fromURI: ours, contact: ours, fromTag: newTag(), to: "<" + uri + ">", cseq: 1,
	}, nil
}

// taken is the dialog of a call to us (RFC 3261 section 12.1.1).
func (a *Agent) taken(invite *message, from netip.AddrPort) *dialog {
	d := &dialog{
		agent: a, inbox: make(chan posted, 32), remote: from, uri: address(invite.get("contact")), callID: invite.get("call-id"),
		fromURI: address(invite.get("to")), contact: "sip:" + a.Addr().String(), fromTag: newTag(), to: invite.get("from"),
		route: invite.header["record-route"],
	}
	if len(d.route) == 0 {
		if _, addr, err := target(d.uri); err == nil {
			d.remote = addr
		}
	}
	return d
}

// post never blocks the agent's read loop.
func (d *dialog) post(m *message, from netip.AddrPort) {
	select {
	case d.inbox <- posted{m, from}:
	default:
		d.agent.dropped.Add(1)
	}
}

// request writes a request of this dialog. Branch and CSeq are the current ones.
func (d *dialog) request(method, sdp string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\nMax-Forwards: 70\r\n", method, d.uri, d.agent.Addr(), d.branch)
	for _, r := range d.route {
		fmt.Fprintf(&b, "Route: %s\r\n", r)
	}
	fmt.Fprintf(&b, "From: <%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", d.fromURI, d.fromTag, d.to, d.callID, d.cseq, method)
	if method != "ACK" && method != "CANCEL" {
		fmt.Fprintf(&b, "Contact: <%s>\r\nUser-Agent: %s\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO\r\n", d.contact, d.agent.cfg.UserAgent)
	}
	if d.auth != "" && (method == "INVITE" || method == "ACK") {
		b.WriteString(d.auth + "\r\n")
	}
	if sdp != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(sdp), sdp)
	return []byte(b.String())
}

func (d *dialog) newBranch() { d.branch = "z9hG4bK" + newTag() }

func (d *dialog) send(data []byte) { d.agent.send(data, d.remote) }

// establish takes the dialog state from a 2xx (RFC 3261 section 12.1.2).
func (d *dialog) establish(m *message) {
	d.to = m.get("to")
	routes := m.header["record-route"]
	d.route = d.route[:0]
	for i := len(routes) - 1; i >= 0; i-- {
		d.route = append(d.route, routes[i])
	}
	if c := m.get("contact"); c != "" {
		d.uri = address(c)
	}
	next := d.uri
	if len(d.route) > 0 {
		next = address(d.route[0])
	}
	if _, addr, err := target(next); err == nil {
		d.remote = addr
	}
	d.auth = ""
}

// ack acknowledges a final answer to INVITE: of the same transaction when it was
// refused, a transaction of its own when it was accepted.
func (d *dialog) ack(m *message) {
	saved := *d
	d.cseq, _ = m.cseq()
	d.to = m.get("to")
	if m.status < 300 {
		d.newBranch()
	}
	d.send(d.request("ACK", ""))
	d.branch, d.cseq, d.to = saved.branch, saved.cseq, saved.to
}

// retransmit is the timer of an unanswered request over UDP.
type retransmit struct {
	timer *time.Timer
	every time.Duration
	limit time.Duration // 0: doubles without limit (INVITE), otherwise T2
	data  []byte
}

func (d *dialog) start(data []byte, limit time.Duration) *retransmit {
	d.send(data)
	return &retransmit{timer: time.NewTimer(d.agent.cfg.T1), every: d.agent.cfg.T1, limit: limit, data: data}
}

func (r *retransmit) again(d *dialog) {
	d.send(r.data)
	r.every *= 2
	if r.limit > 0 {
		r.every = min(r.every, r.limit)
	}
	r.timer.Reset(r.every)
}
