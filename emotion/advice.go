package emotion

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Explanation is why an alert came, so that whoever reads it can listen and
// judge: an alert prompts, it never decides.
type Explanation struct {
	Cause Cause
	// From and To are the mood before and after.
	From, To float32
	// Cues are what rose or fell in the voice, the most telling first.
	Cues []Cue
	// Learned is how far the speaker's own baseline was learned, 0 to 1.
	Learned float32
	// Calm is how many calm turns of this speaker Cues are compared with (Habit). Without any, and
	// with Learned below half, the comparison is with usual voices.
	Calm int
	// Kinds are the kinds of words that were found.
	Kinds []Kind
	// Listen are the seconds to listen to.
	Listen Span
}

// Action is what an agent can do now; the names are stable, the texts are not.
type Action string

// The actions.
const (
	ActionRestate     Action = "restate"     // repeat the problem, then give a time
	ActionAcknowledge Action = "acknowledge" // slow down, say that you see the trouble
	ActionHandOver    Action = "hand_over"   // bring in a supervisor before being asked again
	ActionApologise   Action = "apologise"   // own what went wrong, then the next step
)

// Advice is one calm sentence, one action and the words to say it with, in one language.
type Advice struct {
	Sentence string // what changed
	Button   string // the action in three words
	Script   string // what to say
	Baseline string // against what
}

// Action is what to do about it.
func (x *Explanation) Action() Action {
	has := func(k Kind) bool {
		for _, v := range x.Kinds {
			if v == k {
				return true
			}
		}
		return false
	}
	switch {
	case has(KindLegal), has(KindComplaint) && x.Cause == CauseWords:
		return ActionHandOver
	case has(KindDistress):
		return ActionAcknowledge
	case has(KindInsult), x.Cause == CauseWords:
		return ActionApologise
	}
	return ActionRestate
}

// Advice says it in language: Chinese for "zh", otherwise English.
func (x *Explanation) Advice(language string) Advice {
	t := &english
	if strings.HasPrefix(language, "zh") {
		t = &chinese
	}
	script := t.scripts[x.Action()]
	return Advice{Sentence: x.sentence(t, script.short), Button: script.button, Script: script.say, Baseline: x.baseline(t)}
}

// sentence is "what changed - what to do".
func (x *Explanation) sentence(t *texts, do string) string {
	var parts []string
	for _, c := range x.Cues {
		if p := t.cue(c); p != "" && len(parts) < 2 && !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	for _, k := range x.Kinds {
		if p := t.kinds[k]; p != "" && len(parts) < 3 {
			parts = append(parts, p)
			break
		}
	}
	if len(parts) == 0 {
		parts = []string{t.causes[x.Cause]}
	}
	what := strings.Join(parts, t.and)
	first, size := utf8.DecodeRuneInString(what)
	return string(unicode.ToUpper(first)) + what[size:] + t.dash + do
}

// baseline says what the voice was compared with.
func (x *Explanation) baseline(t *texts) string {
	switch {
	case len(x.Cues) == 0:
		return ""
	case x.Calm > 0:
		return t.calm
	case x.Learned < 0.5:
		return t.usual
	}
	return t.own
}

// Clock is a call time as people read it, such as "1:05".
func Clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// families are the cues that a listener has a word for. A falling one of sign -1
// is a rising quality: less harmonicity is a rougher voice.
var families = map[string]struct {
	name string
	sign float32
}{
	"pitch": {"pitch", 1}, "pitch range": {"range", 1}, "loudness": {"loudness", 1}, "speech rate": {"rate", 1},
	"pauses": {"pauses", 1}, "brightness": {"tension", 1}, "roughness": {"roughness", 1}, "harmonicity": {"roughness", -1},
}

type script struct{ short, button, say string }

type texts struct {
	and, dash  string
	usual, own string
	calm       string
	causes     map[Cause]string
	kinds      map[Kind]string
	scripts    map[Action]script
	rises      map[string]string // by family
	falls      map[string]string
}

// cue is a cue in words, empty when it has none.
func (t *texts) cue(c Cue) string {
	f := families[c.Feature]
	if c.Z*f.sign >= 0 {
		return t.rises[f.name]
	}
	return t.falls[f.name]
}

var english = texts{
	and: ", ", dash: " – ",
	usual:  "compared with usual voices: this caller's own is not learned yet",
	own:    "compared with this caller's own voice in this call",
	calm:   "compared with this caller's calm turns in this call",
	causes: map[Cause]string{CauseSustained: "sounds angry for two turns", CauseJump: "the voice has changed quickly", CauseWords: "hard words"},
	kinds: map[Kind]string{KindAnger: "says so", KindComplaint: "speaks of a complaint", KindLegal: "speaks of lawyers or authorities",
		KindInsult: "insults", KindDistress: "sounds in need", KindProblem: "names the problem again"},
	scripts: map[Action]script{
		ActionRestate: {"repeat the problem first, then give a time", "Repeat and give a time",
			"Let me make sure I have this right: … I will have an answer for you by …"},
		ActionAcknowledge: {"slow down, then say what happens next", "Slow down",
			"I can hear that this is hard. I am staying with you. First we will …, then …"},
		ActionHandOver: {"offer your supervisor before being asked again", "Offer a supervisor",
			"I take this seriously. I can put you through to my supervisor now, or have them call you by … Which is better?"},
		ActionApologise: {"apologise once for what went wrong, then the next step", "Apologise, next step",
			"You are right to be upset, and I am sorry. What I can do right now is …"},
	},
	rises: map[string]string{"pitch": "higher voice", "range": "livelier pitch", "loudness": "louder", "rate": "faster",
		"tension": "harder voice", "roughness": "rougher voice", "pauses": "longer pauses", "overlap": "speaks over you"},
	falls: map[string]string{"pitch": "lower voice", "range": "flatter pitch", "loudness": "quieter", "rate": "slower", "pauses": "hardly a pause"},
}

var chinese = texts{
	and: "、", dash: " – ",
	usual:  "与一般人的声音比较：还没有学到这位来电者自己的基线",
	own:    "与这位来电者本次通话中自己的声音比较",
	calm:   "与这位来电者本次通话中平静的话比较",
	causes: map[Cause]string{CauseSustained: "连续两段话语气激动", CauseJump: "语气突然变化", CauseWords: "用词激烈"},
	kinds: map[Kind]string{KindAnger: "明确表示生气", KindComplaint: "提到投诉", KindLegal: "提到律师或监管部门",
		KindInsult: "出现辱骂", KindDistress: "听起来很着急", KindProblem: "反复提到问题"},
	scripts: map[Action]script{
		ActionRestate:     {"先复述问题再给时限", "复述并给时限", "我跟您确认一下：您的问题是……，我会在……之前给您答复。"},
		ActionAcknowledge: {"放慢语速，再说下一步", "放慢语速", "我听得出来这件事让您很为难，我会一直陪您处理。我们先……，然后……"},
		ActionHandOver:    {"主动提出请主管接听", "请主管接听", "这件事我非常重视。我现在可以请主管接听，或者请主管在……之前给您回电，您看哪种方便？"},
		ActionApologise:   {"为出错的地方道歉一次，再说下一步", "道歉并给下一步", "您生气是有道理的，非常抱歉。我现在能为您做的是……"},
	},
	rises: map[string]string{"pitch": "音调升高", "range": "语调起伏变大", "loudness": "音量升高", "rate": "语速快",
		"tension": "声音变硬", "roughness": "声音变粗", "pauses": "停顿变长", "overlap": "抢话"},
	falls: map[string]string{"pitch": "音调变低", "range": "语调变平", "loudness": "音量变低", "rate": "语速慢", "pauses": "几乎不停顿"},
}
