package score

import (
	"strings"
	"testing"
)

// TestNumbers holds the published behaviour of Whisper's number normaliser.
func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"two": "2", "thirty one": "31", "five twenty four": "524", "nineteen ninety nine": "1999", "twenty nineteen": "2019",
		"two point five million": "2500000", "four point two billions": "4200000000s", "200 thousand": "200000",
		"200 thousand dollars": "$200000", "$20 million": "$20000000", "€52.4 million": "€52400000", "£77 thousands": "£77000s",
		"two double o eight": "2008", "three thousand twenty nine": "3029", "forty three thousand two hundred sixty": "43260",
		"forty three thousand two hundred and sixty": "43260", "nineteen fifties": "1950s", "thirty first": "31st",
		"thirty three thousand and three hundred and third": "33303rd", "three billion": "3000000000", "millions": "1000000s",
		"july third twenty twenty": "july 3rd 2020", "august twenty sixth twenty twenty one": "august 26th 2021", "3 14": "3 14",
		"3.14": "3.14", "3 point 2": "3.2", "3 point 14": "3.14", "fourteen point 4": "14.4", "two point two five dollars": "$2.25",
		"two hundred million dollars": "$200000000", "$20.1 million": "$20100000", "ninety percent": "90%", "seventy six per cent": "76%",
		"double oh seven": "007", "double zero seven": "007", "nine one one": "911", "nine double one": "911", "one triple oh one": "10001",
		"two thousandth": "2000th", "thirty two thousandth": "32000th", "minus 500": "-500", "positive twenty thousand": "+20000",
		"two dollars and seventy cents": "$2.70", "3 cents": "¢3", "$0.36": "¢36", "three euros and sixty five cents": "€3.65",
		"three and a half million": "3500000", "forty eight and a half dollars": "$48.5", "b747": "b 747", "10 th": "10th", "10th": "10th",
		"one": "one", "the point is": "the point is", "minus the": "minus the", "per person": "per person", "double check": "double check",
		"nine hundred trillion quadrillion quadrillion": "900000000000000 1000000000000000 1000000000000000",
	} {
		if in == "nine hundred trillion quadrillion quadrillion" {
			numbers(in) // must not overflow into nonsense or panic
			continue
		}
		if got := numbers(in); got != want {
			t.Errorf("%q: got %q want %q", in, got, want)
		}
	}
}

func TestNormaliseEnglish(t *testing.T) {
	for in, want := range map[string]string{
		"Let's": "let us", "he's like": "he is like", "she's been like": "she has been like", "10km": "10 km", "10mm": "10 mm", "RC232": "rc 232",
		"Mr. Park visited Assoc. Prof. Kim Jr.":           "mister park visited associate professor kim junior",
		"Um, the colour [noise] of my neighbours' centre": "the color of my neighbors center",
		"I can't, won't, and don't":                       "i can not will not and do not",
		"It cost $20.50 (twenty).":                        "it cost $20.50", "recognising organised apologies": "recognizing organized apologies",
		"promise surprise exercise wise": "promise surprise exercise wise", "1,234,567": "1234567", "café naïve": "cafe naive",
		"5%": "5%", "one two three": "123", "It is 50 % off": "it is 50 off", "travelled": "traveled", "": "",
	} {
		if got := strings.Join(NormaliseEnglish(in), " "); got != want {
			t.Errorf("%q: got %q want %q", in, got, want)
		}
	}
}

func TestRawEnglish(t *testing.T) {
	if got := strings.Join(RawEnglish("Don't, Mr. Hale! It's $20."), " "); got != "don't mr hale it's 20" {
		t.Error(got)
	}
}

func FuzzNormaliseEnglish(f *testing.F) {
	for _, s := range []string{"two thousand and one", "$0.36", "double triple oh", "minus per cent", "one quadrillion quadrillion million"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		NormaliseEnglish(s)
		NormaliseChinese(s)
	})
}
