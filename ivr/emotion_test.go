package ivr_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tingxin/ivr"
)

func rehearse(t *testing.T, doc, keys string) []string {
	t.Helper()
	f, err := ivr.Parse("f.yaml", []byte("flow: f\nversion: 1\nlanguage: en\nnodes:\n"+doc))
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := ivr.Rehearse(context.Background(), f, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range all {
		if s.Did != "node" {
			out = append(out, s.Did+" "+s.What)
		}
	}
	return out
}

func TestEmotionIsAnnouncedBeforeItIsAllowed(t *testing.T) {
	notice := "say " + ivr.EmotionNotice("en").Text
	for name, c := range map[string]struct {
		doc, keys string
		want      []string
	}{
		"announced":     {"  - record: {announce: Recorded., consent: announced, emotion: true}\n", "", []string{notice, "say Recorded.", "emotion announced", "record announced"}},
		"without words": {"  - record: {consent: none, emotion: true}\n", "", []string{notice, "emotion announced", "record none"}},
		"own words":     {"  - record: {announce: R., emotion: true, emotion_announce: Voice.}\n", "", []string{"say Voice.", "say R.", "emotion announced", "record announced"}},
		"agreed":        {"  - record: {announce: R?, consent: key, emotion: true}\n", "1", []string{notice, "say R?", "key 1", "emotion given", "record given"}},
		"refused":       {"  - record: {announce: R?, consent: key, emotion: true}\n", "2", []string{notice, "say R?", "key 2", "emotion refused", "record refused"}},
		"not wanted":    {"  - record: {announce: R.}\n", "", []string{"say R.", "record announced"}},
		"chinese": {"  - language: zh\n  - record: {announce: 录音。, emotion: true}\n", "",
			[]string{"language zh", "say " + ivr.EmotionNotice("zh").Text, "say 录音。", "emotion announced", "record announced"}},
	} {
		if got := rehearse(t, c.doc, c.keys); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestFlowBranchesOnEmotion(t *testing.T) {
	got := rehearse(t, "  - branch: {on: emotion, cases: {angry: a, unknown: b}}\n  - {id: a, say: sorry}\n  - {id: b, say: \"mood ${emotion}\"}\n", "")
	if !slices.Equal(got, []string{"say mood unknown"}) {
		t.Error(got)
	}
}

func TestEmotionMistakes(t *testing.T) {
	for doc, want := range map[string]string{
		"  - record: {announce: a, emotion_announce: b}\n": "only with \"emotion: true\"",
		"  - set: {emotion: angry}\n":                      "emotion are given",
	} {
		if _, err := ivr.Parse("f.yaml", []byte("flow: f\nversion: 1\nnodes:\n"+doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", doc, err)
		}
	}
}
