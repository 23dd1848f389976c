package assist

import (
	"strings"
	"testing"
	"time"
)

func greeting() ScriptDoc {
	return ScriptDoc{Title: "Returns", Lang: "en", Queues: []string{"support"}, Intents: []string{"return_goods"}, Steps: []Step{
		{Title: "Greet", Say: "Hello {{contact.name}}", Items: []Item{{Text: "Say your name", Phrases: []string{"my name is", "/\\bthis is \\w+ speaking\\b/"}}}},
		{Title: "Check", Items: []Item{{Text: "Ask for the order", Phrases: []string{"order number"}}, {Text: "The customer agrees", Phrases: []string{"that is right", "yes"}, By: "customer"}, {Text: "Thank", Optional: true}}},
	}}
}

func TestScriptTicksItself(t *testing.T) {
	t.Parallel()
	d := greeting()
	items, err := d.compile()
	if err != nil {
		t.Fatal(err)
	}
	ticks := Ticks{}
	say := func(n int64, side Side, text string) bool {
		return ticks.hear(items, []Line{{n, side, text, time.Now()}}, n-1)
	}
	if say(1, Machine, "My name is Tingxin") || d.at(ticks) != 0 {
		t.Errorf("a prompt ticked an item: %v", ticks)
	}
	if say(2, Customer, "my name is Zhang") {
		t.Errorf("the customer ticked the agent's item: %v", ticks)
	}
	if !say(3, Agent, "Good day, this is Mei speaking.") || d.at(ticks) != 1 {
		t.Errorf("%v, step %d", ticks, d.at(ticks))
	}
	if say(4, Agent, "yes, your ORDER number please") != true || d.at(ticks) != 1 || ticks.done(1, 1) {
		t.Errorf("%v", ticks)
	}
	if !say(5, Customer, "Yes!") || d.at(ticks) != 2 || d.share(ticks) != 1 {
		t.Errorf("%v, step %d, share %v", ticks, d.at(ticks), d.share(ticks))
	}
	// What a hand took away, words do not bring back.
	ticks["0.0"] = Tick{By: "hand", Off: true}
	if say(6, Agent, "my name is Mei") || d.at(ticks) != 0 {
		t.Errorf("%v", ticks)
	}
}

func TestScriptRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *ScriptDoc){
		"title":   func(d *ScriptDoc) { d.Title = " " },
		"lang":    func(d *ScriptDoc) { d.Lang = "fr" },
		"steps":   func(d *ScriptDoc) { d.Steps = nil },
		"pattern": func(d *ScriptDoc) { d.Steps[0].Items[0].Phrases = []string{"/(a/"} },
		"all":     func(d *ScriptDoc) { d.Steps[0].Items[0].Phrases = []string{"/.*/"} },
		"short":   func(d *ScriptDoc) { d.Steps[0].Items[0].Phrases = []string{"a"} },
		"by":      func(d *ScriptDoc) { d.Steps[0].Items[0].By = "cat" },
		"long":    func(d *ScriptDoc) { d.Steps[0].Say = strings.Repeat("长", 501) },
	} {
		d := greeting()
		change(&d)
		if err := d.Check(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzScriptPhrase(f *testing.F) {
	f.Add("/a|b/", "some a text")
	f.Add("您好", "您好，我姓王")
	f.Fuzz(func(t *testing.T, phrase, said string) {
		d := ScriptDoc{Title: "x", Lang: "zh", Steps: []Step{{Title: "y", Items: []Item{{Text: "z", Phrases: []string{phrase}}}}}}
		items, err := d.compile()
		if err != nil {
			return
		}
		Ticks{}.hear(items, []Line{{1, Agent, said, time.Time{}}}, 0)
	})
}

func TestEdits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {" abc\n", "abc", 0}, {"退货流程", "换货流程", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
