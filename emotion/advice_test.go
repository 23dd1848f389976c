package emotion

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAdvice(t *testing.T) {
	louder := []Cue{{"speech rate", 2.4}, {"loudness range", 2.2}, {"loudness", 1.9}}
	for _, tc := range []struct {
		x        Explanation
		language string
		sentence string
		action   Action
	}{
		{Explanation{Cause: CauseSustained, Cues: louder}, "zh", "语速快、音量升高 – 先复述问题再给时限", ActionRestate},
		{Explanation{Cause: CauseSustained, Cues: louder}, "en", "Faster, louder – repeat the problem first, then give a time", ActionRestate},
		{Explanation{Cause: CauseWords, Kinds: []Kind{KindLegal}}, "en", "Speaks of lawyers or authorities – offer your supervisor before being asked again", ActionHandOver},
		{Explanation{Cause: CauseWords, Kinds: []Kind{KindInsult}}, "zh-CN", "出现辱骂 – 为出错的地方道歉一次，再说下一步", ActionApologise},
		{Explanation{Cause: CauseJump, Kinds: []Kind{KindDistress}}, "en", "Sounds in need – slow down, then say what happens next", ActionAcknowledge},
		{Explanation{Cause: CauseJump}, "fr", "The voice has changed quickly – repeat the problem first, then give a time", ActionRestate},
	} {
		a := tc.x.Advice(tc.language)
		if a.Sentence != tc.sentence || tc.x.Action() != tc.action {
			t.Errorf("%q (%s), want %q (%s)", a.Sentence, tc.x.Action(), tc.sentence, tc.action)
		}
	}
	own, usual := Explanation{Cues: louder, Learned: .9}, Explanation{Cues: louder, Learned: .1}
	if own.Advice("en").Baseline == usual.Advice("en").Baseline {
		t.Error("the baseline is not told apart")
	}
	if Clock(65*time.Second) != "1:05" {
		t.Error(Clock(65 * time.Second))
	}
}

func TestCuesInWords(t *testing.T) {
	for c, want := range map[Cue]string{
		{"pitch", 2}: "higher voice", {"pitch range", -2}: "flatter pitch", {"brightness", 2}: "harder voice", {"brightness", -2}: "",
		{"pauses", -1}: "hardly a pause", {"harmonicity", -1}: "rougher voice", {"loudness range", 4}: "", {"mystery", 3}: "",
	} {
		if got := english.cue(c); got != want {
			t.Errorf("%v: %q, want %q", c, got, want)
		}
	}
}

func TestAdviceIsWholeInBothLanguages(t *testing.T) {
	for _, texts := range []*texts{&english, &chinese} {
		for _, c := range []Cause{CauseSustained, CauseJump, CauseWords} {
			if texts.causes[c] == "" {
				t.Errorf("no text for cause %s", c)
			}
		}
		for _, a := range []Action{ActionRestate, ActionAcknowledge, ActionHandOver, ActionApologise} {
			s := texts.scripts[a]
			if s.short == "" || s.say == "" || s.button == "" || utf8.RuneCountInString(s.button) > 24 || strings.Contains(s.short, "–") {
				t.Errorf("%s: %+v", a, s)
			}
		}
		for _, f := range families {
			if texts.rises[f.name] == "" {
				t.Errorf("no text for rising %s", f.name)
			}
		}
		for _, k := range []Kind{KindAnger, KindComplaint, KindLegal, KindInsult, KindDistress, KindProblem} {
			if texts.kinds[k] == "" {
				t.Errorf("no text for %s", k)
			}
		}
	}
}
