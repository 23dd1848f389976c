package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"tingxin/audio"
)

// baresip is a foreign soft phone that calls, speaks a file and records what it hears.
type baresip struct {
	dir string // with its configuration, and what it heard as a *dec.wav
	out *strings.Builder
}

const baresipConfig = `poll_method epoll
sip_listen 127.0.0.1:0
sip_verify_server no
call_max_calls 4
audio_player aubridge,heard
snd_path %[1]s
audio_source aufile,%[2]s
ausrc_srate 8000
auplay_srate 8000
audio_channels 1
rtp_timeout 20
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app debug_cmd.so
`

// newBaresip prepares a phone with one account that speaks the WAV file.
func newBaresip(t *testing.T, account, say string) *baresip {
	t.Helper()
	if _, err := exec.LookPath("baresip"); err != nil {
		t.Skip("baresip is not installed: run make setup")
	}
	p := &baresip{dir: t.TempDir(), out: &strings.Builder{}}
	for name, text := range map[string]string{
		"config":   fmt.Sprintf(baresipConfig, p.dir, say),
		"accounts": account + "\n",
		"contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// call dials and hangs up after the given time.
func (p *baresip) call(t *testing.T, uri string, talk time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), talk+15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "baresip", "-f", p.dir, "-e", "/dial "+uri)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	outPipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	established := make(chan struct{}, 1)
	read := make(chan struct{})
	go func() { // ends when the phone closes its output
		defer close(read)
		for sc := bufio.NewScanner(outPipe); sc.Scan(); {
			p.out.WriteString(sc.Text() + "\n")
			if strings.Contains(sc.Text(), "Call established") {
				select {
				case established <- struct{}{}:
				default:
				}
			}
		}
	}()
	select {
	case <-established:
		time.Sleep(talk)
	case <-ctx.Done():
	case <-read:
	}
	_, _ = in.Write([]byte("/hangup\n"))
	time.Sleep(300 * time.Millisecond)
	_, _ = in.Write([]byte("/quit\n"))
	<-read
	_ = cmd.Wait()
	if !strings.Contains(p.out.String(), "Call established") {
		t.Fatalf("baresip was not connected:\n%s", p.out)
	}
}

// at8kHz is the recording at the rate of G.711: baresip does not resample its files.
func at8kHz(t *testing.T, path string) string { return between(t, path, 0, 0) }

// between is at8kHz with silence before and after it.
func between(t *testing.T, path string, before, after time.Duration) string {
	t.Helper()
	pcm, err := audio.ReadWAVChannels(path, 8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	quiet := func(d time.Duration) []int16 { return make([]int16, int(d.Seconds()*8000)) }
	pcm[0] = slices.Concat(quiet(before), pcm[0], quiet(after))
	out := filepath.Join(t.TempDir(), "say.wav")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	enc := wav.NewEncoder(f, 8000, 16, 1, 1)
	buf := &goaudio.IntBuffer{Format: &goaudio.Format{NumChannels: 1, SampleRate: 8000}, SourceBitDepth: 16}
	for _, v := range pcm[0] {
		buf.Data = append(buf.Data, int(v))
	}
	if err := errors.Join(enc.Write(buf), enc.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

func callerFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root(t), "build", "caller", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("the demo caller's recordings are not there: run make setup")
	}
	return path
}

func TestBaresipHearsItsEcho(t *testing.T) {
	s := server(t)
	p := newBaresip(t, "<sip:desk@127.0.0.1>;regint=0", at8kHz(t, callerFile(t, "sense-3.wav")))
	p.call(t, "sip:echo@"+s.sipUDP, 4*time.Second)
	s.wantCause(t, "caller_hangup")
	p.wantSound(t)
}

func TestBaresipOverTLSWithSRTP(t *testing.T) {
	s := server(t)
	p := newBaresip(t, "<sip:desk@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp-mand", at8kHz(t, callerFile(t, "sense-3.wav")))
	p.call(t, "sip:echo@"+s.sipTLS+";transport=tls", 4*time.Second)
	c := s.wantCause(t, "caller_hangup")
	p.wantSound(t)
	if len(c.Legs) != 1 || c.Legs[0]["secure"] != true || c.Legs[0]["transport"] != "tls" {
		t.Errorf("legs %v, want one over TLS with SRTP", c.Legs)
	}
}

// wantSound checks that what came back is about as long and loud as speech.
func (p *baresip) wantSound(t *testing.T) {
	t.Helper()
	dumps, _ := filepath.Glob(filepath.Join(p.dir, "*dec.wav"))
	if len(dumps) != 1 {
		t.Fatalf("baresip kept %d recordings of what it heard, want 1\n%s", len(dumps), p.out)
	}
	pcm, err := audio.ReadWAV(dumps[0])
	if err != nil {
		t.Fatalf("%v\n%s", err, p.out)
	}
	loud := 0
	for i := 0; i+audio.FrameLen <= len(pcm); i += audio.FrameLen {
		var sum float64
		for _, v := range pcm[i : i+audio.FrameLen] {
			sum += float64(v) * float64(v)
		}
		if sum/audio.FrameLen > 300*300 {
			loud++
		}
	}
	if d := time.Duration(loud) * audio.FrameDur; d < time.Second {
		t.Errorf("only %v of %v came back loud enough to be speech", d, time.Duration(len(pcm))*time.Second/audio.Rate)
	}
}
