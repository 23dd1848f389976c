package emotion

import (
	"slices"
	"strings"
	"testing"
)

func TestParseClass(t *testing.T) {
	for label, want := range map[string]Class{
		"neutral": Neutral, "NEU": Neutral, " Calm ": Neutral, "boredom": Neutral, "平静": Neutral, "中立": Neutral, "Neutralität": Neutral,
		"ANG": Angry, "anger": Angry, "Hot-Anger": Angry, "cold_anger": Angry, "Frustration": Angry, "Wut": Angry, "Ärger": Angry, "愤怒": Angry, "colère": Angry, "rabbia": Angry,
		"hap": Happy, "Happiness": Happy, "excitement": Happy, "Freude": Happy, "快乐": Happy,
		"SADNESS": Sad, "Trauer": Sad, "伤心": Sad, "tristeza": Sad,
		"fear": Other, "fearful": Other, "Angst": Other, "disgust": Other, "Pleasant_Surprise": Other, "惊喜": Other, "other": Other,
	} {
		if got, ok := ParseClass(label); !ok || got != want {
			t.Errorf("%q is %s, %v; want %s", label, got, ok, want)
		}
	}
	for _, label := range []string{"", "xxx", "01", "angrily sad"} {
		if got, ok := ParseClass(label); ok || got != Other {
			t.Errorf("%q is %s", label, got)
		}
	}
	if a, v := affect("Fearful"); a != 0.7 || v != -0.6 {
		t.Errorf("fear lies at %g, %g", a, v)
	}
}

// A word that stands twice would count as what happens to be read last.
func TestNoLabelMeansTwoThings(t *testing.T) {
	var all []string
	for _, m := range meanings {
		for word := range strings.SplitSeq(m.words, ";") {
			word = strings.Join(strings.Fields(word), " ")
			if word != plainLabel(word) {
				t.Errorf("%q cannot be found: labels are compared as %q", word, plainLabel(word))
			}
			all = append(all, word)
		}
	}
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			t.Errorf("%q stands twice", all[i])
		}
	}
}
