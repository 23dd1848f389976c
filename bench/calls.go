package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tingxin/audio"
	"tingxin/call"
	"tingxin/caller"
	"tingxin/score"
)

// Kind is a sort of call that is measured.
type Kind string

// The kinds. All but Echo have a second party, which is ours too.
const (
	Echo    Kind = "echo"    // the server sends our sound back
	Bridged Kind = "bridged" // both speak the same codec, packets are passed on
	Stereo  Kind = "stereo"  // bridged, and recorded in stereo
	Opus    Kind = "opus"    // bridged, the caller speaks Opus and the callee --codec
	Room    Kind = "room"    // both legs go through the mixer
)

var kinds = []Kind{Echo, Bridged, Stereo, Opus, Room}

// number is what calls of a kind dial, without the digits that tell the calls apart.
func (k Kind) number() string {
	if k == Echo {
		return "echo"
	}
	return "b" + string(k)
}

// CallRoutes are the routes of a server that takes all kinds of calls; callee is the
// address where the second party is.
func CallRoutes(callee string) []call.Route {
	var out []call.Route
	for _, k := range kinds {
		if k != Echo {
			out = append(out, call.Route{Name: string(k), Numbers: []string{k.number() + "*"}, Bridge: "sip:{number}@" + callee,
				Record: k == Stereo, Mix: k == Room})
		}
	}
	return out
}

// Served is a server that was started for a run.
type Served struct {
	Address string // host and port of SIP over UDP
	PID     int
	Stop    func()
}

// CallsOptions of a load of SIP calls.
type CallsOptions struct {
	// Kinds to measure one after the other, with a comma between them, or "all".
	Kinds string
	// Target is the SIP URI that every call dials.
	Target string
	// N calls are placed, CPS a second, each lasting Seconds after its answer.
	N       int
	CPS     float64
	Seconds float64
	// SetUps is how many short calls are placed before, to take the CPU time of a set-up.
	SetUps int
	// Codec is PCMU, PCMA, G722 or opus.
	Codec string
	// Listen is the second party's address (127.0.0.1:0); the callers are on the same machine address.
	Listen string
	// PID is the server's process, whose CPU time is taken; 0 measures none.
	PID int
	// JSON is the file for the figures.
	JSON string
	// Serve starts a server when Target is empty: one with CallRoutes to callee and room for so many legs.
	Serve func(ctx context.Context, callee string, legs int) (Served, error)
}

// Register adds the command's flags to fs.
func (o *CallsOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Kinds, "kind", "echo", "`kinds` of calls, one after the other: echo, bridged, stereo, opus, room, or all")
	fs.StringVar(&o.Target, "target", "", "SIP `URI` to call, as sip:echo@127.0.0.1:5060; empty starts a server")
	fs.IntVar(&o.N, "n", 200, "calls")
	fs.Float64Var(&o.CPS, "cps", 20, "new calls a second")
	fs.Float64Var(&o.Seconds, "seconds", 15, "length of a call after its answer")
	fs.IntVar(&o.SetUps, "setups", 100, "short calls placed before, whose CPU time is that of set-ups; 0 for none")
	fs.StringVar(&o.Codec, "codec", "PCMU", "PCMU, PCMA, G722 or opus; of the second party in the kind opus")
	fs.StringVar(&o.Listen, "listen", "127.0.0.1:0", "the second party's `address`; a server given by --target must lead its calls here")
	fs.IntVar(&o.PID, "pid", 0, "the server's `process`, to take its CPU time")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// CallsFigures is the list of names for --help.
const CallsFigures = `Kinds: echo sends our sound back; the others have a second party of ours: bridged passes packets on, stereo records
both sides as well, opus is a caller with Opus and a callee with --codec, room joins both by the mixer.
A server of its own is started for each kind. With --target the calls of all kinds but echo dial that URI with seven
digits behind its user part, and the server must lead them to --listen.

Long runs: -n 1000 -seconds 600 -cps 20 needs 4,100 file descriptors here and as many in the server; the hard limit
(ulimit -Hn) is used. The server of the run takes the ports 10000 to 31999 when the system's own would not do.

Figures in --json; with several kinds each has its kind in front ("bridged.calls.failed"):
  calls.placed calls.completed calls.failed calls.peak       peak: most calls at once
  setup.p50_ms setup.p95_ms setup.max_ms                     INVITE to 200, the second party answers at once
  setup.cpu_ms setup.per_cpu_s                               server's CPU time of a short call beyond idle, and such calls per CPU second
  first_packet.p50_ms first_packet.p95_ms                    200 to the first RTP packet
  delay.p50_ms delay.p95_ms delay.max_ms delay.calls         from leg to leg, found by the sound in packets of some calls near their end
  jitter.p50_ms jitter.p95_ms jitter.p99_ms                  deviation from the packet spacing, all packets of all legs
  jitter_leg_p95.max_ms                                      the worst leg's 95th percentile
  loss.pct packets.sent packets.received packets.lost packets.reordered packets.unsent
  server.cpu_pct_per_call                                    percent of a core while nearly all calls are up
  server.cpu_ms_per_call server.cpu_s                        of the whole run, set-up and end included
  server.rss_idle_mb server.rss_start_mb server.rss_mid_mb server.rss_end_mb
                                                             before the calls; all calls up: at first, half-way, last
  server.fds                                                 file descriptors at the last of these
  caller.cpu_ms_per_call                                     ours
  libopus.cpu_pct_per_call libopus.ratio                     kind opus: decoding the caller's and coding the callee's sound at 16 kHz with libopus
                                                             alone, and how many times that the server took
  libopus.own_pct_per_call libopus.own_ratio                 the same with the callee's sound coded as the server does it: at 8 kHz for G.711
The server's figure has all that it does in it: the leg without Opus too, and, since all is on one machine, the kernel's
receiving for our ends, which is about half of what sending costs.
`

func (o *CallsOptions) check() ([]Kind, error) {
	switch {
	case o.Target == "" && o.Serve == nil:
		return nil, errors.New("bench calls needs --target, a SIP URI such as sip:echo@127.0.0.1:5060")
	case o.N <= 0 || o.CPS <= 0 || o.Seconds <= 0 || o.SetUps < 0:
		return nil, errors.New("-n, --cps and --seconds must be above zero, --setups not below")
	case o.Codec != "" && !slices.Contains(caller.Codecs(), caller.Codec(o.Codec)):
		return nil, fmt.Errorf("--codec is %q: it can be PCMU, PCMA, G722 or opus", o.Codec)
	case o.Kinds == "all":
		return kinds, nil
	case o.Kinds == "":
		return kinds[:1], nil
	}
	var out []Kind
	for _, name := range strings.Split(o.Kinds, ",") {
		if !slices.Contains(kinds, Kind(name)) {
			return nil, fmt.Errorf("--kind is %q: it can be echo, bridged, stereo, opus, room, several with commas, or all", name)
		}
		out = append(out, Kind(name))
	}
	return out, nil
}

// Calls places many calls of each kind, prints what they were like and what they
// cost the server.
func Calls(ctx context.Context, opts CallsOptions, out io.Writer) error {
	kinds, err := opts.check()
	if err != nil {
		return err
	}
	var all []score.Figure
	for _, k := range kinds {
		front := ""
		if len(kinds) > 1 {
			front = string(k) + "."
		}
		figures, err := callsOf(ctx, opts, k, front, out)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		all = append(all, figures...)
	}
	return score.WriteJSON(opts.JSON, all)
}

// callsOf measures one kind. front stands before the names of its figures.
func callsOf(ctx context.Context, opts CallsOptions, kind Kind, front string, out io.Writer) ([]score.Figure, error) {
	if err := room(opts, kind); err != nil {
		return nil, err
	}
	l, err := newLoad(opts, kind)
	if err != nil {
		return nil, err
	}
	for _, a := range []*caller.Agent{l.agent, l.other} {
		if err := a.Start(ctx); err != nil {
			return nil, err
		}
		defer a.Close()
	}
	if opts.Target == "" {
		served, err := opts.Serve(ctx, l.other.Addr().String(), opts.legs(kind))
		if err != nil {
			return nil, err
		}
		defer served.Stop()
		l.opts.Target, l.opts.PID = "sip:"+kind.number()+"@"+served.Address, served.PID
		if err := settle(ctx, served.PID, out); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(out, "%s: %d calls to %s, %g a second, %g s each, %s\n", kind, opts.N, l.opts.Target, opts.CPS, opts.Seconds, l.codecs())
	figures, err := l.run(ctx)
	if err != nil {
		return nil, err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range figures {
		figures[i].Name = front + figures[i].Name
		fmt.Fprintf(w, "%s\t%.3f\n", figures[i].Name, figures[i].Value)
	}
	w.Flush()
	for why, n := range l.causes {
		fmt.Fprintf(out, "failed: %d x %s\n", n, why)
	}
	fmt.Fprintln(out)
	return figures, nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// quantile by nearest rank.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[min(max(int(math.Ceil(q*float64(len(v))))-1, 0), len(v)-1)]
}

// voice is noise that swells like syllables: it looks like speech to a gate and is
// found again in an echo.
func voice(d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*audio.Rate))
	audio.NewNoise(1).Fill(pcm, 3000)
	var low float64
	for i := range pcm {
		s := float64(i) / audio.Rate
		low += 0.35 * (float64(pcm[i]) - low)
		pcm[i] = int16(low * (0.55 + 0.45*math.Sin(2*math.Pi*4*s)))
	}
	return pcm
}
