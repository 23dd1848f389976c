package score

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tingxin/nlp/learn"
	"tingxin/race"
)

// Editors of other systems put a mark in front and end lines with CR LF: the first label was another one then.
func TestMarkInFrontIsNoPartOfTheFirstLine(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "seq.in"), "\ufeff订单到哪了\r\n查订单\r\n")
	put(t, filepath.Join(dir, "label"), "\ufefftrack\r\ntrack\r\n")
	got, err := ReadLabelled(dir)
	if err != nil || len(got) != 2 || got[0] != (Labelled{"订单到哪了", "track"}) || got[1].Label != "track" {
		t.Errorf("%q %v", got, err)
	}
	file := put(t, filepath.Join(dir, "u.tsv"), "\ufeff# origin\r\nde\tcall 13800138000\tmobile = 13800138000\r\n  \r\nde\tno value\r\nde\torder no. a20250702001 for 35.50 yuan\torder=a20250702001; amount=35.50 CNY\r\n")
	out := filepath.Join(dir, "out.json")
	if err := Slots(SlotOptions{File: file, Now: "2026-03-11T15:00", Zone: "UTC", JSON: out}, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if m := figuresOf(t, out); m["slots.exact_pct"] != 100 || m["slots.de.f1"] != 1 || m["slots.utterances"] != 3 || m["slots.all.values"] != 3 {
		t.Errorf("%v", m)
	}
}

// What cannot be read is told with its line, and is not taken for a heading.
func TestPairsThatAreNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pairs")
	for text, want := range map[string]string{
		"{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": }\n{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 1}\n": "line 1",
		"{\"text1\": \"a\", \"text2\": \"b\", \"label\": 1}\n":                                                                    "sentence1",
		"{\"sentence1\": \"a\", \"sentence2\": \"b\"}\n":                                                                          "label",
		"sentence1,sentence2,label\n\"a, b\",c,1\n":                                                                               "line 1",
		"a\tb\t1\nc\td\tNaN\n":           "line 2",
		"\n\na\tb\tlabel\nc\td\tlabel\n": "line 4",
		"a\tb\t\xff\n":                   "UTF-8",
	} {
		if got, err := ReadPairs(put(t, file, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := ReadPairs(put(t, file, "\ufeffsentence1\tsentence2\tlabel\r\n\r\na\tb\t1\r\n\tb\t0\r\n")); err != nil || len(got) != 2 || got[0] != (SentencePair{"a", "b", 1}) {
		t.Errorf("%v %v", got, err)
	}
}

func TestQuestionsThatCannotBeAsked(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "articles.jsonl"), "\ufeff# origin\n{\"id\": \"a\", \"lang\": \"zh\", \"title\": \"运费\", \"answer\": \"包邮\"}\n{\"id\": \"b\", \"lang\": \"zh\", \"title\": \"退货\", \"answer\": \"可以\"}\n")
	for text, want := range map[string]string{
		"{\"lang\": \"zh\", \"question\": \"要运费吗\", \"article\": \"a\"}\n{\"lang\": \"zh\", \"question\": \"要运费吗\", \"article\": \"c\"}\n": "line 2: there is no article \"c\"",
		"{\"lang\": \"en\", \"question\": \"is it free\", \"article\": \"a\"}\n":                                                           "line 1: there is no article \"a\" in \"en\"",
		"\n{\"lang\": \"zh\", \"text\": \"要运费吗\", \"article\": \"a\"}\n":                                                                   "line 2: the question is empty",
		"{\"lang\": \"fr\", \"question\": \"oui\"}\n":                                                                                      "line 1: the language",
	} {
		err := FAQ(t.Context(), FAQOptions{KB: dir, Questions: put(t, filepath.Join(dir, "q.jsonl"), text)}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	put(t, filepath.Join(dir, "articles.jsonl"), strings.Repeat("{\"id\": \"a\", \"lang\": \"zh\", \"title\": \"运费\", \"answer\": \"包邮\"}\n", 2))
	if err := FAQ(t.Context(), FAQOptions{KB: dir, Questions: filepath.Join(dir, "q.jsonl")}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "line 2: article \"a\" stands there twice") {
		t.Error(err)
	}
}

// A set in two languages is learnt as the bot learns it: each language by its own model.
func TestSetInTwoLanguages(t *testing.T) {
	if race.Enabled {
		t.Skip("only computes")
	}
	opts := IntentOptions{TextOptions: textOptions(t)}
	dir := t.TempDir()
	forms := map[string][]string{"track": {"where is the %s I bought", "我买的%s到哪了"}, "refund": {"I want my money back for the %s", "%s我要退款"}, "invoice": {"please send me the invoice for the %s", "%s的发票请发给我"}}
	goods := [][]string{{"jacket", "phone", "table", "lamp", "shoes", "camera"}, {"外套", "手机", "桌子", "台灯", "鞋子", "相机"}}
	var files [2][2]strings.Builder
	for _, label := range []string{"track", "refund", "invoice"} {
		for lang, form := range forms[label] {
			for i, g := range goods[lang] {
				fmt.Fprintf(&files[i%2][0], form+"\n", g)
				files[i%2][1].WriteString(label + "\n")
			}
		}
	}
	files[1][0].WriteString("这个没有人学过\n")
	files[1][1].WriteString("new\n")
	for i, name := range []string{"train", "test"} {
		put(t, filepath.Join(dir, name, "seq.in"), files[i][0].String())
		put(t, filepath.Join(dir, name, "label"), files[i][1].String())
	}
	opts.Train, opts.Test = filepath.Join(dir, "train"), filepath.Join(dir, "test")
	var text bytes.Buffer
	if err := Intents(t.Context(), opts, &text); err != nil {
		t.Fatal(err)
	}
	if m := figuresOf(t, opts.JSON); m["intents.accuracy_pct"] < 94 || m["intents.accuracy_pct"] == 100 || m["intents.labels"] != 3 || m["intents.test"] != 19 || m["intents.unseen"] != 1 {
		t.Errorf("%v", m)
	}
	if !strings.Contains(text.String(), "language en and zh") {
		t.Error(text.String())
	}
}

// Where only one kind is in the test there is no curve, and no accuracy of what is not there.
func TestFiguresOfOneKindAreLeftOut(t *testing.T) {
	has := func(all []Figure, name string) bool {
		for _, f := range all {
			if f.Name == name {
				return true
			}
		}
		return false
	}
	p := pairRun{scores: []float64{0.2, 0.9}, same: []bool{false, true}, alike: []bool{false, true}, labels: []bool{true, true}}
	if f := p.figures(make([]SentencePair, 2)); has(f, "pairs.auc") || !has(f, "pairs.f1") {
		t.Errorf("%v", f)
	}
	r := intentRun{test: []Labelled{{"x", learn.Foreign}}, guesses: []learn.Guess{{Label: "a", Foreign: true}}}
	if f := r.figures(); has(f, "intents.accuracy_pct") || has(f, "intents.oos_auroc") || !has(f, "intents.oos_recall_pct") {
		t.Errorf("%v", f)
	}
}
