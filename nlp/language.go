package nlp

import (
	"strings"
	"sync"
	"unicode"
)

// Language of a message.
type Language struct {
	// Code is "zh", "en" or "" for what is neither (other scripts, other Latin
	// languages, digits alone).
	Code string
	// Mixed tells that the other one of the two is in it as well, so that both
	// collections are worth a search.
	Mixed bool
}

// Weights and limits of Detect.
const (
	hanWord    = 0.6 // a Han character is about so much of a word
	minorShare = 0.2 // of the words, from which on a message is mixed
)

// Detect tells the language of a folded text by the share of Han characters and by
// common words. Latin words that Chinese messages are full of (app, vip, iphone)
// are of no language.
func Detect(folded string) Language {
	var han, other float64
	for _, r := range folded {
		switch {
		case unicode.Is(unicode.Han, r):
			han++
		case r < 0x250 || !unicode.IsLetter(r):
		default:
			other++
		}
	}
	en, foreign, plain := 0.0, 0.0, 0.0
	for word := range strings.FieldsFuncSeq(folded, func(r rune) bool { return !(r < 0x250 && unicode.IsLetter(r) || r == '\'') }) {
		switch w := strings.Trim(word, "'"); {
		case w == "":
		case lexicon().english[w]:
			en++
		case lexicon().foreign[w] || strings.ContainsFunc(w, func(r rune) bool { return r > 0x7f }):
			foreign++
		case lexicon().neutral[w]:
		case len(w) > 1:
			plain++
		}
	}
	zh := han * hanWord
	switch {
	case other/2 > zh+en+plain: // kana, Hangul, Cyrillic, Arabic, ...: about two letters in a syllable
		return Language{}
	case zh > 0 && other > han: // kana between Han: Japanese
		return Language{}
	case zh == 0 && en == 0 && (plain == 0 || foreign > 0):
		return Language{}
	case zh == 0 && foreign > en:
		return Language{}
	}
	latin := en
	if zh == 0 || en > 0 {
		latin += plain
	}
	if zh >= latin {
		return Language{Code: "zh", Mixed: en > 0 && latin > minorShare*(zh+latin)}
	}
	return Language{Code: "en", Mixed: zh > minorShare*(zh+latin)}
}

type wordLists struct{ english, foreign, neutral map[string]bool }

var lexicon = sync.OnceValue(func() wordLists {
	set := func(words string) map[string]bool {
		m := make(map[string]bool)
		for w := range strings.FieldsSeq(words) {
			m[w] = true
		}
		return m
	}
	return wordLists{english: set(englishWords), foreign: set(foreignWords), neutral: set(neutralWords)}
})

// The lists are written by hand: the commonest words of English and of service, and
// function words that tell other Latin languages from it.
const (
	englishWords = `a about after again all also always am an and any anyone are aren't around as ask at away back be because been before being
but by can can't cannot could couldn't did didn't do does doesn't doing don't down each else even ever every few find first for from get gets getting
give go goes going gone good got had has hasn't have haven't he hello help her here hey hi him his how how's i i'd i'll i'm i've if in into is isn't it it's
its just keep know last later let like long look lot made make many may me mean might more most much must my myself need needs never new next no not nothing
now of off ok okay old on once one only or order ordered orders other our out over own please put rather really right said same say see seems send sent set
she should show since so some someone something soon still such take tell than thank thanks that that's the their them then there these they thing
things think this those though through time to today told too took tried try trying two under until up us use used using very wait waiting want wanted was wasn't way
we week weeks well went were what what's when where where's which while who why will wish with without won't word work working works would wouldn't yes yesterday yet you
you're your yours account address agent arrive arrived bank bill bought bought broken buy call cancel card cash change charge charged check complaint customer damaged
day days delivery discount email exchange fee human invoice item late lost missing money month number pack package parcel pay payment phone price product
purchase question receive received refund return returned reset service ship shipped shipping size start status stop store support ticket track tracking transfer website wrong year`
	foreignWords = `el los las una unos por para con como mi mis su sus tu pedido quiero puedo donde cuando gracias hola esta está qué que de la en y del al se lo
le les des une est pas pour avec dans sur je vous nous mon ma mes votre commande bonjour merci où quand quel quelle et du au aux ce cette
der die das und ist nicht ich sie wir mein meine ihr bestellung wann wo wie danke ein eine einen für mit auf von zu den dem il gli che non per sono mio ordine grazie dove
o os um uma meu minha não você obrigado é ao da dos van het een niet mijn bestelling waar ik`
	neutralWords = `app vip iphone ipad wifi ok pos pc id sf jd emoji usb tv cpu qq wechat alipay email pin atm plus pro max mini air sku pdf api bug hi h5 ios android url com www http https html px`
)
