package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	"tingxin/call"
	"tingxin/emotion"
	"tingxin/event"
)

// lineWidth is how much of a growing line is shown where no terminal says its width; its end matters.
const lineWidth = 100

// view shows a call's events on a terminal: a partial grows in its line until it
// settles. Without a terminal every change is a line of its own.
type view struct {
	out     io.Writer
	tty     bool
	width   func() int // columns of the terminal, 0 when unknown
	growing bool       // the cursor stands in a partial's line
	last    string
	mood    emotion.State // last shown
}

func newView(out io.Writer) *view {
	f, ok := out.(*os.File)
	v := &view{out: out, tty: ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb", width: func() int { return 0 }}
	if v.tty {
		v.width = func() int { return columns(int(f.Fd())) }
	}
	return v
}

// columns is the width of a terminal: a line that wraps could not be taken back.
func columns(fd int) int {
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// Colours of a terminal.
const (
	grey  = "\x1b[90m"
	bold  = "\x1b[1m"
	plain = "\x1b[0m"
	erase = "\r\x1b[K"
)

var sideNames = map[string]string{call.SideCaller: "caller", call.SideAgent: "us    "}

// show prints one event.
func (v *view) show(e event.Event) {
	switch d := e.Data.(type) {
	case call.PartialItem:
		v.partial(d)
	case call.TranscriptItem:
		v.settle(fmt.Sprintf("  %s  %s", sideNames[d.Side], d.Text), true)
	case call.GapItem:
		v.settle(fmt.Sprintf("  %s  (not recognised from %.1f s to %.1f s: %s)", sideNames[d.Side], seconds(d.StartMS), seconds(d.EndMS), d.Reason), false)
	case call.ReadingItem:
		if d.Turn && d.Class != "" {
			v.settle(fmt.Sprintf("  voice   %s: anger %.0f %%, mood %.2f", strings.TrimSpace(sideNames[d.Side]), 100*d.P[emotion.Angry.String()], d.Mood), false)
		}
	case call.MoodItem:
		if v.mood != d.State {
			v.mood = d.State
			v.settle(fmt.Sprintf("  mood    %s is %s", strings.TrimSpace(sideNames[d.Side]), d.State), false)
		}
	case call.AlertItem:
		if d.State == call.AlertOpen {
			v.settle("  alert   "+d.Advice["en"].Sentence, true)
		}
	case call.Summary:
		switch e.Type {
		case "call.answered":
			v.mood = ""
			v.settle("  answered", false)
		case "call.ended":
			v.settle(fmt.Sprintf("  ended after %.1f s: %s", seconds(d.DurationMS), d.Cause), false)
		}
	}
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

func (v *view) partial(p call.PartialItem) {
	if p.Text == "" {
		return
	}
	text, room := []rune(p.Text), lineWidth
	if w := v.width(); w > 0 {
		room = max(w-20, 10) // side, dots, and a margin
	}
	if len(text) > room {
		text = append([]rune("..."), text[len(text)-room:]...)
	}
	line := fmt.Sprintf("  %s  %s", sideNames[p.Side], string(text))
	if line == v.last {
		return
	}
	v.last = line
	if v.tty {
		fmt.Fprint(v.out, erase, grey, line, " ...", plain)
		v.growing = true
		return
	}
	fmt.Fprintln(v.out, line, "...")
}

// settle prints a line that will not change.
func (v *view) settle(line string, words bool) {
	v.last = ""
	if v.growing {
		fmt.Fprint(v.out, erase)
		v.growing = false
	}
	if v.tty && words {
		line = bold + line + plain
	}
	fmt.Fprintln(v.out, line)
}
