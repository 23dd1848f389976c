package score

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"

	"tingxin/asr"
)

// Options of a scored run of recognition.
type Options struct {
	// Manifest is a JSON-lines file (see Item).
	Manifest string
	// Band is "wide" (as recorded) or "telephone" (8 kHz G.711 and back).
	Band string
	// Path is "frames" (straight into the speech workers) or "call" (real SIP calls in real time).
	Path string
	// Corpus and Limit choose recordings: one corpus, the first so many of each.
	Corpus string
	Limit  int
	// JSON is the file for the figures.
	JSON string
	// Parallel is how many recordings run at once (frames: cores, calls: 4).
	Parallel int
	// Realtime makes the frames path as slow as a call, so that it gives latencies too.
	Realtime bool
	// NoFront leaves out the front end for telephone audio (frames path only).
	NoFront bool
	// Plain lets libvosk alone hear the same audio too, for comparison.
	Plain bool
	// ASR configures the workers of the frames path and of the reference words.
	ASR asr.Config
	// Line places the calls of the call path.
	Line Line
}

// Utterance is what a Line has to say.
type Utterance struct {
	// PCM is 16 kHz mono.
	PCM []int16
	// Lang is the language to recognise, "en" or "zh".
	Lang string
	// Wide asks for a wide-band codec (G.722) instead of G.711.
	Wide bool
}

// Line places one real call that says an utterance and returns what the server
// recognised on the caller's side, with the times at which it was seen. Calls of
// several goroutines run at once.
type Line interface {
	Call(ctx context.Context, u Utterance) (Heard, error)
}

// Register adds the command's flags to fs. Its usage lists the names of the figures.
func (o *Options) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Manifest, "manifest", "", "recordings and their texts, one JSON object per `line`")
	fs.StringVar(&o.Band, "band", "telephone", "`wide` (as recorded) or telephone (simulated: 8 kHz, G.711)")
	fs.StringVar(&o.Path, "path", "frames", "`frames` (into the speech workers) or call (real SIP calls in real time)")
	fs.StringVar(&o.Corpus, "corpus", "", "only this `corpus`")
	fs.IntVar(&o.Limit, "limit", 0, "the first `N` recordings of each corpus")
	fs.IntVar(&o.Parallel, "parallel", 0, "recordings or calls at once (frames: cores, call: 4)")
	fs.BoolVar(&o.Realtime, "realtime", false, "frames path: as slow as a call, with latencies")
	fs.BoolVar(&o.NoFront, "no-front", false, "frames path: without the front end for telephone audio")
	fs.BoolVar(&o.Plain, "plain", true, "compare with what libvosk alone hears in the same audio")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// Figures is the list of names for --help.
const Figures = `Figures in --json (CORPUS is a corpus of the manifest, or "all"):
  CORPUS.wer_pct wer_low_pct wer_high_pct   word error rate of the bare words, 95 % interval over speakers
  CORPUS.sub_pct del_pct ins_pct            its substitutions, deletions, insertions
  CORPUS.plain_wer_pct plain_cer_pct        libvosk alone on the same audio: no gate, no front end
  CORPUS.wer_norm_pct                       both sides normalised (numbers, contractions, spelling)
  CORPUS.wer_shown_pct                      the formatted text, normalised
  CORPUS.cer_pct cer_low_pct cer_high_pct cer_norm_pct   Chinese: characters; norm: digits verbalised
  CORPUS.words CORPUS.files CORPUS.failed
  skipped.files                             recordings without a text or a speech model
  word_latency.{mean,p50,p90,p95,p99}_ms    word end to the first result that shows the word
  stable_latency... first_partial_latency... final_latency...
  word_latency.words unstable_words.pct revised_partials.pct turns.count turns.cut_pct
  calls.failed                              recordings that could not be run
  speed.x_realtime                          audio time through all streams per second
`

func (o *Options) check() error {
	switch {
	case o.Manifest == "":
		return errors.New("score needs --manifest FILE: recordings and texts, one JSON object per line")
	case o.Band != "wide" && o.Band != "telephone":
		return fmt.Errorf("--band is %q: it can be wide or telephone", o.Band)
	case o.Path != "frames" && o.Path != "call":
		return fmt.Errorf("--path is %q: it can be frames or call", o.Path)
	case o.Path == "call" && o.Line == nil:
		return errors.New("--path call needs a server to call")
	case o.Limit < 0 || o.Parallel < 0:
		return errors.New("--limit and --parallel cannot be negative")
	}
	if o.Parallel == 0 {
		o.Parallel = 4
		if o.Path == "frames" && !o.Realtime {
			o.Parallel = runtime.NumCPU()
		}
	}
	return nil
}

// live tells whether times are those of a call.
func (o *Options) live() bool { return o.Path == "call" || o.Realtime }
