package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// scenario builds a SIPp scenario step by step, so that a test reads as the
// message flow it plays and says only what is special about it.
type scenario struct {
	name   string
	b      strings.Builder
	cseq   int
	invite int // index of the last INVITE among the steps
}

func newScenario(name string) *scenario { return &scenario{name: name} }

const (
	// offerG711 offers both G.711 laws and telephone events, as a carrier does.
	offerG711 = `v=0
o=carrier 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
`
	offerUnknown = `v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 18
a=rtpmap:18 G729/8000
`
)

func withDirection(sdp, direction string) string { return sdp + "a=" + direction + "\n" }

// request appends a request; headers are extra lines, body may be empty.
func (s *scenario) request(method, body string, headers ...string) *scenario {
	return s.requestWith(method, body, `retrans="500"`, headers...)
}

func (s *scenario) requestWith(method, body, attrs string, headers ...string) *scenario {
	to := "[peer_tag_param]"
	uri := "sip:[service]@[remote_ip]:[remote_port]"
	switch {
	case method == "INVITE" && s.cseq == 0, method == "OPTIONS":
		s.cseq++
		to = ""
	case method == "ACK":
		attrs = ""
	case method == "CANCEL":
		to = ""
	default:
		s.cseq++
	}
	via := "[branch]"
	if method == "CANCEL" {
		via = s.inviteBranch()
	}
	fmt.Fprintf(&s.b, "<send %s><![CDATA[\n", attrs)
	fmt.Fprintf(&s.b, "%s %s SIP/2.0\n", method, uri)
	fmt.Fprintf(&s.b, "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=%s\n", via)
	fmt.Fprintf(&s.b, "From: \"Foreign caller\" <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]e2e[call_number]\n")
	fmt.Fprintf(&s.b, "To: <sip:[service]@[remote_ip]:[remote_port]>%s\n", to)
	fmt.Fprintf(&s.b, "Call-ID: [call_id]\nCSeq: %d %s\n", s.cseq, method)
	fmt.Fprintf(&s.b, "Contact: <sip:13800138000@[local_ip]:[local_port];transport=[transport]>\nMax-Forwards: 70\n")
	for _, h := range headers {
		fmt.Fprintf(&s.b, "%s\n", h)
	}
	if body != "" && !strings.Contains(strings.Join(headers, "\n"), "Content-Type") {
		s.b.WriteString("Content-Type: application/sdp\n")
	}
	s.b.WriteString("Content-Length: [len]\n\n")
	s.b.WriteString(body)
	s.b.WriteString("]]></send>\n")
	return s
}

func (s *scenario) inviting(body string, headers ...string) *scenario {
	s.invite = s.steps()
	return s.request("INVITE", body, headers...)
}
func (s *scenario) ack() *scenario    { return s.request("ACK", "") }
func (s *scenario) bye() *scenario    { return s.request("BYE", "").recv(200) }
func (s *scenario) cancel() *scenario { return s.request("CANCEL", "") }

// ackRefusal acknowledges a final response from 300 on, within the INVITE's transaction (RFC 3261 17.1.1.3).
func (s *scenario) ackRefusal() *scenario {
	branch := s.inviteBranch()
	var only scenario
	only.cseq, only.invite = s.cseq, s.invite
	only.request("ACK", "")
	s.b.WriteString(strings.Replace(only.b.String(), "[branch]", branch, 1))
	return s
}

// steps counts what is in the scenario so far, as SIPp numbers its messages.
func (s *scenario) steps() int {
	n := 0
	for _, tag := range []string{"<send", "<recv", "<pause", "<nop"} {
		n += strings.Count(s.b.String(), tag)
	}
	return n
}

// inviteBranch is the branch of the last INVITE, as seen from the next step.
func (s *scenario) inviteBranch() string { return fmt.Sprintf("[branch-%d]", s.steps()-s.invite) }

// recv waits for a response; optional ones may be skipped.
func (s *scenario) recv(code int) *scenario {
	fmt.Fprintf(&s.b, "<recv response=\"%d\" rtd=\"true\" timeout=\"40000\"/>\n", code)
	return s
}

func (s *scenario) maybe(codes ...int) *scenario {
	for _, c := range codes {
		fmt.Fprintf(&s.b, "<recv response=\"%d\" optional=\"true\"/>\n", c)
	}
	return s
}

// expect waits for a response that holds a line matching the regular expression.
func (s *scenario) expect(code int, regexp string) *scenario {
	fmt.Fprintf(&s.b, `<recv response="%d" timeout="40000"><action><ereg regexp="%s" search_in="msg" check_it="true" assign_to="1"/></action></recv>`+"\n", code, regexp)
	return s
}

// expectNot is expect with the opposite sense.
func (s *scenario) expectNot(code int, regexp string) *scenario {
	fmt.Fprintf(&s.b, `<recv response="%d" timeout="40000"><action><ereg regexp="%s" search_in="msg" check_it_inverse="true" assign_to="1"/></action></recv>`+"\n", code, regexp)
	return s
}

func (s *scenario) recvRequest(method string) *scenario {
	fmt.Fprintf(&s.b, "<recv request=\"%s\" timeout=\"40000\"/>\n", method)
	return s
}

// reply answers the last request received.
func (s *scenario) reply(status, body string, headers ...string) *scenario {
	return s.replyWith(status, body, "", headers...)
}

func (s *scenario) replyWith(status, body, attrs string, headers ...string) *scenario {
	fmt.Fprintf(&s.b, "<send %s><![CDATA[\nSIP/2.0 %s\n[last_Via:]\n[last_From:]\n[last_To:]%s\n[last_Call-ID:]\n[last_CSeq:]\n", attrs, status, ";tag=[pid]uas[call_number]")
	fmt.Fprintf(&s.b, "Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n")
	for _, h := range headers {
		fmt.Fprintf(&s.b, "%s\n", h)
	}
	if body != "" {
		s.b.WriteString("Content-Type: application/sdp\n")
	}
	s.b.WriteString("Content-Length: [len]\n\n" + body + "]]></send>\n")
	return s
}

// refuseInvite answers the INVITE of recvInvite after other requests have come in since.
func (s *scenario) refuseInvite(status string) *scenario {
	fmt.Fprintf(&s.b, "<send><![CDATA[\nSIP/2.0 %s\nVia:[$5]\nFrom:[$2]\nTo:[$3];tag=[pid]uas[call_number]\n[last_Call-ID:]\nCSeq:[$6]\nContent-Length: 0\n\n]]></send>\n", status)
	return s
}

// replyInDialog answers a request inside the dialog, whose To carries a tag already.
func (s *scenario) replyInDialog(status string) *scenario {
	fmt.Fprintf(&s.b, "<send><![CDATA[\nSIP/2.0 %s\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n", status)
	return s
}

func (s *scenario) pause(d time.Duration) *scenario {
	fmt.Fprintf(&s.b, "<pause milliseconds=\"%d\"/>\n", d.Milliseconds())
	return s
}

// exec runs a SIPp media action, such as play_pcap_audio="file".
func (s *scenario) exec(action string) *scenario {
	fmt.Fprintf(&s.b, "<nop><action><exec %s/></action></nop>\n", action)
	return s
}

func (s *scenario) write(t *testing.T) string {
	t.Helper()
	body := s.b.String()
	var used []string
	for v := range 9 {
		if strings.Contains(body, fmt.Sprintf(`assign_to="%d"`, v)) {
			used = append(used, strconv.Itoa(v))
		}
	}
	ref := ""
	if len(used) > 0 {
		ref = `<Reference variables="` + strings.Join(used, ",") + `"/>` + "\n"
	}
	path := filepath.Join(t.TempDir(), s.name+".xml")
	doc := "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"" + s.name + "\">\n" + body + ref + "</scenario>\n"
	if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// run plays the scenario once against the server and fails the test with
// SIPp's own words when it did not go as written.
func (s *scenario) run(t *testing.T, service, remote string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 70*time.Second)
	defer cancel()
	s.start(t, ctx, service, remote, args...).wait(t)
}

// sippRun is a SIPp process under way.
type sippRun struct {
	cmd  *exec.Cmd
	out  *strings.Builder
	errs string
}

func (s *scenario) start(t *testing.T, ctx context.Context, service, remote string, args ...string) *sippRun {
	t.Helper()
	bin, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed: run make setup")
	}
	dir := t.TempDir()
	r := &sippRun{out: &strings.Builder{}, errs: filepath.Join(dir, "errors.log")}
	all := []string{"-sf", s.write(t), "-s", service, "-nostdin", "-trace_err", "-error_file", r.errs}
	if !strings.Contains(strings.Join(args, " "), "-i ") {
		all = append(all, "-i", "127.0.0.1", "-mi", "127.0.0.1")
	}
	if !strings.Contains(strings.Join(args, " "), "-m ") {
		all = append(all, "-m", "1")
	}
	if !strings.Contains(strings.Join(args, " "), "-p ") {
		all = append(all, "-p", freePort(t))
	}
	all = append(all, args...)
	if remote != "" {
		all = append(all, remote)
	}
	r.cmd = exec.CommandContext(ctx, bin, all...)
	r.cmd.Dir = dir
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.Env = append(os.Environ(), "TERM=dumb")
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *sippRun) wait(t *testing.T) {
	t.Helper()
	if err := r.cmd.Wait(); err != nil {
		t.Fatalf("sipp: %v\n%s", err, r.reason())
	}
}

// recvInvite waits for an INVITE and keeps what later messages of the dialled side repeat of it.
func (s *scenario) recvInvite() *scenario {
	s.b.WriteString(`<recv request="INVITE" timeout="40000"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="2"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="3"/>
<ereg regexp="sip:[^>;]*" search_in="hdr" header="Contact:" assign_to="4"/>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="5"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="6"/>
</action></recv>
`)
	return s
}

// byeFromCallee ends a call from the side that was dialled.
func (s *scenario) byeFromCallee() *scenario {
	s.b.WriteString(`<send retrans="500"><![CDATA[
BYE [$4] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$3];tag=[pid]uas[call_number]
To:[$2]
[last_Call-ID:]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
`)
	return s
}

// captureRSeq waits for a reliable provisional response and keeps its RSeq for the PRACK (RFC 3262).
func (s *scenario) captureRSeq(code int) *scenario {
	fmt.Fprintf(&s.b, `<recv response="%d" timeout="40000"><action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="7"/></action></recv>`+"\n", code)
	return s
}

// ackCSeq acknowledges the INVITE that had this CSeq number, after other requests have gone out since.
func (s *scenario) ackCSeq(n int) *scenario {
	now := s.cseq
	s.cseq = n
	s.ack()
	s.cseq = now
	return s
}

// reason is the unexpected message in SIPp's error file, without stray ones of other calls.
func (r *sippRun) reason() string {
	detail, _ := os.ReadFile(r.errs)
	if _, after, ok := strings.Cut(string(detail), "Aborting call"); ok {
		detail = []byte(after)
	}
	out := r.out.String()
	if i := strings.Index(out, "Messages  Retrans"); i >= 0 {
		out = out[i:]
	}
	if i := strings.Index(out, "---- Test Terminated"); i >= 0 {
		out = out[:i]
	}
	return string(detail[:min(len(detail), 1500)]) + "\n" + out[:min(len(out), 2500)]
}
