package score

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tingxin/nlp/slot"
)

// SlotOptions of a scored run of slot values.
type SlotOptions struct {
	// File has lines of language, text, "type=value; type=value" between tabs.
	File string
	// Now and Zone are when and where the messages were written.
	Now, Zone string
	// JSON is the file for the figures; Misses prints every difference.
	JSON   string
	Misses bool
}

// Register adds the command's flags to fs.
func (o *SlotOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.File, "file", "", "`lines` of language, text and \"type=value; type=value\", between tabs")
	fs.StringVar(&o.Now, "now", "2026-03-11T15:00", "local `time` at which the messages were written")
	fs.StringVar(&o.Zone, "zone", "Asia/Shanghai", "`zone` in which they were written")
	fs.BoolVar(&o.Misses, "misses", false, "print every value that was missed or made up")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// SlotFigures is the list of names for --help.
const SlotFigures = `Types and how their values are written:
  email  a@b.example    tracking order id18  letters and digits    bank_card  digits
  mobile 13800138000    tel 010-62345678, 010-62345678-123, 400-820-8820, +14155550132
  amount 35.5 CNY (CNY USD EUR GBP)    date 2026-03-11, 2026-W11, 2026-03, 2026-03-11T14:30
  time   15:30; 03:30? when it may be after noon as well
Capitals and small letters are the same, and so are 35.50 and 35.5. Empty lines and lines that begin with # are left out.
Figures in --json (TYPE is one of them or "all"; LANG is a language of the file):
  slots.TYPE.f1 slots.TYPE.precision slots.TYPE.recall   type and value both right
  slots.TYPE.values                      values in the file
  slots.LANG.f1                          all types in that language
  slots.min_f1                           the worst type that has values
  slots.utterances slots.exact_pct       messages, and those of which every value is right
`

// tally counts values that were expected, found, and both.
type tally struct{ want, got, hit int }

func (t tally) f1() float64 {
	if t.want+t.got == 0 {
		return 1
	}
	return 2 * float64(t.hit) / float64(t.want+t.got)
}

// Slots finds the values in a file of messages and prints F1 per type.
func Slots(opts SlotOptions, out io.Writer) error {
	if opts.File == "" {
		return errors.New("score slots needs --file FILE: language, text and values, between tabs")
	}
	zone, err := time.LoadLocation(opts.Zone)
	if err != nil {
		return fmt.Errorf("--zone: %w", err)
	}
	now, err := time.ParseInLocation("2006-01-02T15:04", opts.Now, zone)
	if err != nil {
		return fmt.Errorf("--now is %q: write it as 2026-03-11T15:00", opts.Now)
	}
	lines, err := readLines(opts.File)
	if err != nil {
		return err
	}
	finder, err := slot.New(slot.Config{Zone: zone})
	if err != nil {
		return err
	}
	r := slotRun{finder: finder, now: now, types: make(map[string]tally), langs: make(map[string]tally)}
	if opts.Misses {
		r.misses = out
	}
	for i, line := range lines {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := r.line(line); err != nil {
			return fmt.Errorf("%s: line %d: %w", opts.File, i+1, err)
		}
	}
	figures := r.figures()
	fmt.Fprintf(out, "slots, %s, now %s %s\n\n", opts.File, opts.Now, opts.Zone)
	printFigures(out, figures)
	return WriteJSON(opts.JSON, figures)
}

type slotRun struct {
	finder       *slot.Finder
	now          time.Time
	types, langs map[string]tally
	lines, exact int
	misses       io.Writer
}

func (r *slotRun) line(line string) error {
	fields := strings.Split(line, "\t")
	if len(fields) == 2 { // no value, and the tab at the end was cut off
		fields = append(fields, "")
	}
	if len(fields) != 3 {
		return fmt.Errorf("%d columns between tabs, three are needed: language, text, values", len(fields))
	}
	var want, got []string
	for pair := range strings.SplitSeq(fields[2], ";") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		kind, value, ok := strings.Cut(pair, "=")
		if kind = strings.TrimSpace(kind); !ok || !slices.Contains(slot.Types, slot.Type(kind)) {
			return fmt.Errorf("%q is no type=value", pair)
		}
		want = append(want, kind+"="+written(slot.Type(kind), strings.TrimSpace(value)))
	}
	values, err := r.finder.Find(fields[1], r.now)
	if err != nil {
		return err
	}
	for _, v := range values {
		got = append(got, string(v.Type)+"="+v.Value)
	}
	r.count(strings.TrimSpace(fields[0]), fields[1], want, got)
	return nil
}

// written is a value in the one form in which they are compared.
func written(kind slot.Type, value string) string {
	switch kind {
	case slot.Email:
		return strings.ToLower(value)
	case slot.Amount:
		number, currency, _ := strings.Cut(value, " ")
		if v, err := strconv.ParseFloat(number, 64); err == nil {
			return strconv.FormatFloat(v, 'f', -1, 64) + " " + strings.ToUpper(currency)
		}
	}
	return strings.ToUpper(value)
}

func (r *slotRun) count(lang, text string, want, got []string) {
	r.lines++
	rest := slices.Clone(got)
	add := func(pair string, t tally) {
		kind, _, _ := strings.Cut(pair, "=")
		for _, sum := range []struct {
			of   map[string]tally
			name string
		}{{r.types, kind}, {r.types, "all"}, {r.langs, lang}} {
			s := sum.of[sum.name]
			sum.of[sum.name] = tally{s.want + t.want, s.got + t.got, s.hit + t.hit}
		}
	}
	var missed []string
	for _, pair := range want {
		if i := slices.Index(rest, pair); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
			add(pair, tally{1, 1, 1})
			continue
		}
		missed = append(missed, pair)
		add(pair, tally{want: 1})
	}
	for _, pair := range rest {
		add(pair, tally{got: 1})
	}
	if len(missed)+len(rest) == 0 {
		r.exact++
	} else if r.misses != nil {
		fmt.Fprintf(r.misses, "%s\t%s\tmissed %v, made up %v\n", lang, text, missed, rest)
	}
}

func (r *slotRun) figures() []Figure {
	var out []Figure
	least := 1.0
	for _, kind := range append(slices.Clone(slot.Types), "all") {
		t := r.types[string(kind)]
		if t.want > 0 {
			least = min(least, t.f1())
		}
		name := "slots." + string(kind) + "."
		out = append(out, Figure{name + "f1", t.f1()}, Figure{name + "precision", share(t.hit, max(t.got, 1)) / 100},
			Figure{name + "recall", share(t.hit, max(t.want, 1)) / 100}, Figure{name + "values", float64(t.want)})
	}
	for _, lang := range slices.Sorted(maps.Keys(r.langs)) {
		out = append(out, Figure{"slots." + lang + ".f1", r.langs[lang].f1()})
	}
	return append(out, Figure{"slots.min_f1", least}, Figure{"slots.utterances", float64(r.lines)}, Figure{"slots.exact_pct", share(r.exact, max(r.lines, 1))})
}
