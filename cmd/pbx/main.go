// Program pbx is the contact-centre server: everything but speech recognition.
//
// It owns the command line, the configuration, the wiring and the ordered start
// and stop. It refuses to know how anything works.
//
//	config file, environment -> Config -> server: database -> speech workers -> media -> calls -> sip -> web
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// version is set by the linker for releases.
var version = ""

// command is one subcommand.
type command struct {
	name, purpose string
	run           func(args []string, out, errOut io.Writer) error
}

func commands() []command {
	return []command{
		{"serve", "start the server", runServe},
		{"demo", "let a recorded voice call a server of its own and watch", runDemo},
		{"check", "show the configuration and try everything it needs", runCheck},
		{"score", "score asr, emotion, faq, intents, pairs, slots: how well recordings and texts are understood", runScore},
		{"train", "train emotion: a model of prosody from your own labelled recordings", runTrain},
		{"emotion", "emotion rescore: read stored recordings again with another model", runEmotion},
		{"features", "print the prosody of a recording: pitch track and functionals", runFeatures},
		{"bench", "bench asr, calls, emotion, bot, chat, data: how much fits on this machine", runBench},
		{"seed", "fill an empty database with months of made-up contacts, to measure and to show", runSeed},
		{"simulate", "simulate queue: how a day would go with other arrivals or agents", runSimulate},
		{"apply", "bring queues, agents, numbers, flows, rules and other settings in line with a file", runApply},
		{"learn", "learn from questions without a good answer and from replies that were rated well", runLearn},
		{"kb", "kb import, kb export: articles from and into files", runKB},
		{"sample-orders", "serve sample orders, to try the bot's tools with", runSampleOrders},
		{"audit", "audit messages: received = stored = shown; audit verify: is the audit log whole", runAudit},
		{"openapi", "print the document of the HTTP API", runOpenAPI},
		{"version", "print the version", runVersion},
	}
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its output and exit code: 0 well, 1 failed, 2 wrong usage.
func run(args []string, out, errOut io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		printHelp(out)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(args[1:], out, errOut)
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, new(usage)):
			fmt.Fprintln(errOut, "pbx:", err)
			return 2
		default:
			fmt.Fprintln(errOut, "pbx:", oneLine(err.Error())) // a sentence, whatever a library makes of it
			return 1
		}
	}
	fmt.Fprintf(errOut, "pbx: there is no command %q; \"pbx help\" lists them\n", args[0])
	return 2
}

func printHelp(out io.Writer) {
	fmt.Fprint(out, "Tingxin, a contact-centre server.\n\nusage: pbx COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-14s %s\n", c.name, c.purpose)
	}
	fmt.Fprint(out, "\n\"pbx COMMAND --help\" lists the flags of a command.\n")
}

func runVersion(_ []string, out, _ io.Writer) error {
	_, err := fmt.Fprintln(out, buildVersion())
	return err
}

// buildVersion is the linker's version, or what the module and the repository say.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && (v == "" || v == "(devel)") {
			v = "devel-" + s.Value[:12]
		}
	}
	if v == "" {
		v = "devel"
	}
	return v
}
