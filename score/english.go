package score

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// rewrite is one step of NormaliseEnglish, which brings English text to one spelling after the published behaviour
// of Whisper's English normaliser: lower case, numbers as digits, contractions
// expanded, American spelling, fillers and bracketed text dropped. It favours that
// style, so raw figures stand beside normalised ones.
type rewrite struct {
	pattern *regexp.Regexp
	with    string
}

func rule(pattern, with string) rewrite { return rewrite{regexp.MustCompile(pattern), with} }

var (
	bracketed = rule(`[<\[][^>\]]*[>\]]`, "")
	rounded   = rule(`\(([^)]+?)\)`, "")
	fillers   = rule(`\b(hmm|mm|mhm|mmm|uh|um)\b`, "")
	apart     = rule(`\s+'`, "'")

	contractions = []rewrite{
		rule(`\bwon't\b`, "will not"), rule(`\bcan't\b`, "can not"), rule(`\blet's\b`, "let us"), rule(`\bain't\b`, "aint"),
		rule(`\by'all\b`, "you all"), rule(`\bwanna\b`, "want to"), rule(`\bgotta\b`, "got to"), rule(`\bgonna\b`, "going to"),
		rule(`\bi'ma\b`, "i am going to"), rule(`\bimma\b`, "i am going to"), rule(`\bwoulda\b`, "would have"),
		rule(`\bcoulda\b`, "could have"), rule(`\bshoulda\b`, "should have"), rule(`\bma'am\b`, "madam"),
		rule(`\bmr\b`, "mister "), rule(`\bmrs\b`, "missus "), rule(`\bst\b`, "saint "), rule(`\bdr\b`, "doctor "),
		rule(`\bprof\b`, "professor "), rule(`\bcapt\b`, "captain "), rule(`\bgov\b`, "governor "), rule(`\bald\b`, "alderman "),
		rule(`\bgen\b`, "general "), rule(`\bsen\b`, "senator "), rule(`\brep\b`, "representative "), rule(`\bpres\b`, "president "),
		rule(`\brev\b`, "reverend "), rule(`\bhon\b`, "honorable "), rule(`\basst\b`, "assistant "), rule(`\bassoc\b`, "associate "),
		rule(`\blt\b`, "lieutenant "), rule(`\bcol\b`, "colonel "), rule(`\bjr\b`, "junior "), rule(`\bsr\b`, "senior "), rule(`\besq\b`, "esquire "),
		rule(`'d been\b`, " had been"), rule(`'s been\b`, " has been"), rule(`'d gone\b`, " had gone"), rule(`'s gone\b`, " has gone"),
		rule(`'d done\b`, " had done"), rule(`'s got\b`, " has got"),
		rule(`n't\b`, " not"), rule(`'re\b`, " are"), rule(`'s\b`, " is"), rule(`'d\b`, " would"), rule(`'ll\b`, " will"),
		rule(`'t\b`, " not"), rule(`'ve\b`, " have"), rule(`'m\b`, " am"),
	}

	digitComma  = rule(`(\d),(\d)`, "$1$2")
	fullStop    = rule(`\.([^0-9]|$)`, " $1")
	strayPrefix = rule(`[.$¢€£]([^0-9])`, " $1")
	strayMark   = rule(`([^0-9])%`, "$1 ")
)

func (r rewrite) do(s string) string { return r.pattern.ReplaceAllString(s, r.with) }

// NormaliseEnglish returns the words of s in one spelling.
func NormaliseEnglish(s string) []string {
	s = strings.ToLower(s)
	s = strings.ReplaceAll(s, "’", "'")
	for _, r := range []rewrite{bracketed, rounded, fillers, apart} {
		s = r.do(s)
	}
	for _, r := range contractions {
		s = r.do(s)
	}
	s = fullStop.do(digitComma.do(s))
	s = plain(s, ".%$¢€£")
	s = numbers(s)
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = american(w)
	}
	s = strings.Join(words, " ")
	return strings.Fields(strayMark.do(strayPrefix.do(s)))
}

// RawEnglish splits text as it stands: lower case, punctuation dropped but for
// the apostrophe, so that a formatted text can be held against a bare one.
func RawEnglish(s string) []string {
	s = strings.ReplaceAll(strings.ToLower(s), "’", "'")
	return strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r != '\'' && (unicode.IsPunct(r) || unicode.IsSymbol(r))
	})
}

// ligatures are letters that do not decompose.
var ligatures = strings.NewReplacer("œ", "oe", "ø", "o", "æ", "ae", "ß", "ss", "đ", "d", "ð", "d", "þ", "th", "ł", "l")

// plain turns symbols and punctuation into spaces and drops accents; the
// characters of keep stay.
func plain(s, keep string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(ligatures.Replace(s)) {
		switch {
		case strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		case unicode.IsMark(r) || unicode.IsSymbol(r) || unicode.IsPunct(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
