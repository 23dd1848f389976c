package text

import (
	"strings"
	"testing"
	"time"
)

// said makes words of 300 ms without pauses; a "|" stands for a pause of
// 350 ms and "||" for one of 900 ms.
func said(s string) []Word {
	var words []Word
	var at time.Duration
	for _, t := range strings.Fields(s) {
		switch t {
		case "|":
			at += 350 * time.Millisecond
			continue
		case "||":
			at += 900 * time.Millisecond
			continue
		}
		words = append(words, Word{Text: t, Start: at, End: at + 300*time.Millisecond, Conf: 1})
		at += 300 * time.Millisecond
	}
	return words
}

// englishCases were written from how such things are printed, before the rules.
var englishCases = []struct{ in, want string }{
	// Plain words and small numbers in prose stay words.
	{"hello", "Hello."},
	{"one of them said no", "One of them said no."},
	{"i have two dogs", "I have two dogs."},
	{"no one knows", "No one knows."},
	{"that one please", "That one please."},
	{"for a second i thought so", "For a second I thought so."},
	{"the first thing i did", "The first thing I did."},
	{"i won't be long", "I won't be long."},
	// Cardinals.
	{"ten people came", "10 people came."},
	{"there were twenty one of us", "There were 21 of us."},
	{"about one hundred and twenty three files", "About 123 files."},
	{"a hundred files", "100 files."},
	{"a thousand times", "1000 times."},
	{"hundreds of people", "Hundreds of people."},
	{"two thousand five hundred users", "2500 users."},
	{"twelve thousand three hundred and forty five boxes", "12,345 boxes."},
	{"two million people", "2 million people."},
	{"three point five billion people", "3.5 billion people."},
	{"two million five hundred thousand votes", "2,500,000 votes."},
	{"fifteen hundred people", "1500 people."},
	{"one hundred thousand", "100,000."},
	{"minus five degrees", "-5 degrees."},
	{"it is seventy two degrees outside", "It is 72 degrees outside."},
	{"seventeen or eighteen of them", "17 or 18 of them."},
	{"six hundred sixty six", "666."},
	{"nine hundred ninety nine thousand nine hundred ninety nine", "999,999."},
	// Cue words turn small numbers into digits.
	{"press one for sales", "Press 1 for sales."},
	{"room four", "Room 4."},
	{"option number two", "Option number 2."},
	{"terminal five gate seven", "Terminal 5 gate 7."},
	// Ordinals.
	{"the twenty first century", "The 21st century."},
	{"on the tenth floor", "On the 10th floor."},
	{"the one hundredth caller", "The 100th caller."},
	{"forty second street", "42nd street."},
	{"a thirty second delay", "A 30 second delay."},
	{"his third wife", "His third wife."},
	{"the twelfth and the thirteenth", "The 12th and the 13th."},
	// Decimals and fractions.
	{"three point one four", "3.14."},
	{"zero point five", "0.5."},
	{"version two point one point three", "Version 2.1.3."},
	{"twenty one point seven five", "21.75."},
	{"that is the point", "That is the point."},
	{"two and a half hours", "2 1/2 hours."},
	{"two thirds of it", "2/3 of it."},
	{"three quarters full", "3/4 full."},
	{"half an hour", "Half an hour."},
	{"at this point five people left", "At this point five people left."},
	// Percentages.
	{"five percent", "5%."},
	{"five per cent off", "5% off."},
	{"twelve point five percent", "12.5%."},
	{"one hundred percent sure", "100% sure."},
	{"point five percent", "0.5%."},
	// Currency.
	{"twenty dollars", "$20."},
	{"it costs twenty dollars and fifty cents", "It costs $20.50."},
	{"one dollar", "$1."},
	{"fifty cents", "50 cents."},
	{"two million dollars", "$2 million."},
	{"three point five million dollars", "$3.5 million."},
	{"twelve hundred dollars", "$1,200."},
	{"five thousand euros", "€5,000."},
	{"i paid twenty pounds", "I paid £20."},
	{"it weighs twenty pounds", "It weighs 20 pounds."},
	{"nineteen dollars and ninety nine cents", "$19.99."},
	{"one thousand two hundred dollars and five cents", "$1,200.05."},
	{"a hundred and twenty dollars", "$120."},
	{"five bucks", "Five bucks."},
	{"three hundred yen", "¥300."},
	{"two forty", "240."},
	{"one fifty five", "155."},
	// Times.
	{"at three thirty p m", "At 3:30 PM."},
	{"at three p m", "At 3 PM."},
	{"ten fifteen a.m.", "10:15 AM."},
	{"at seven thirty", "At 7:30."},
	{"at seven oh five", "At 7:05."},
	{"seven thirty in the morning", "7:30 in the morning."},
	{"ten o'clock", "10 o'clock."},
	{"at five o'clock sharp", "At 5 o'clock sharp."},
	{"half past three", "3:30."},
	{"at quarter to five", "At 4:45."},
	{"a quarter past nine", "9:15."},
	{"it's ten to eight", "It's 7:50."},
	{"at twenty past six", "At 6:20."},
	{"twelve noon", "12 noon."},
	{"i am here", "I am here."},
	{"between nine a m and five p m", "Between 9 AM and 5 PM."},
	// Dates.
	{"march third", "March 3."},
	{"on march the third", "On March 3."},
	{"march third twenty twenty four", "March 3, 2024."},
	{"the third of march", "The 3rd of March."},
	{"july fourth seventeen seventy six", "July 4, 1776."},
	{"december twenty fifth two thousand and nineteen", "December 25, 2019."},
	{"in nineteen ninety nine", "In 1999."},
	{"in nineteen oh five", "In 1905."},
	{"twenty twenty six", "2026."},
	{"two thousand five", "2005."},
	{"the nineteen nineties", "The 1990s."},
	{"january two thousand eight", "January 2008."},
	{"you may go", "You may go."},
	{"may third", "May 3."},
	{"they march on", "They march on."},
	{"monday the twenty second", "Monday the 22nd."},
	{"the twenty first of june nineteen eighty four", "The 21st of June 1984."},
	// Phone and account digits.
	{"nine one one", "911."},
	{"my number is five five five one two three four", "My number is 555-1234."},
	{"call two one two five five five oh one eight seven", "Call 212-555-0187."},
	{"one eight hundred five five five one two one two", "1-800-555-1212."},
	{"account one two three four five six seven eight", "Account 12345678."},
	{"double five six triple seven", "556777."},
	{"one zero zero zero one", "10001."},
	{"nine oh two one oh", "90210."},
	{"order number four four oh nine", "Order number 4409."},
	{"extension four two", "Extension 42."},
	{"the code is zero zero seven", "The code is 007."},
	{"double check that", "Double check that."},
	{"oh i see", "Oh I see."},
	{"one or two", "One or two."},
	{"card number four one one one one one one one one one one one one one one one", "Card number 4111 1111 1111 1111."},
	{"my zip is nine four one oh three", "My zip is 94103."},
	{"plus four four two oh seven nine four six oh nine five eight", "+442079460958."},
	// Spelled letters.
	{"my name is j o h n", "My name is J O H N."},
	{"the u s a", "The USA."},
	{"booking a b c one two three", "Booking ABC123."},
	{"b as in boy", "B as in boy."},
	{"a dog", "A dog."},
	{"my pin is four two four two", "My pin is 4242."},
	// Addresses on the net.
	{"example dot com", "example.com."},
	{"john at example dot com", "john@example.com."},
	// Case.
	{"mister hale and doctor smith", "Mr. Hale and Dr. Smith."},
	{"i'm from new york", "I'm from New York."},
	{"on monday and friday", "On Monday and Friday."},
	{"margaret said so", "Margaret said so."},
	{"i speak english and chinese", "I speak English and Chinese."},
	{"what i'd like", "What I'd like."},
	{"the atm's card slot", "The ATM's card slot."},
	// Questions.
	{"can you help me", "Can you help me?"},
	{"had he known he might have come", "Had he known he might have come."},
	{"had she called before", "Had she called before?"},
	{"should i call you or should i wait", "Should I call you or should I wait?"},
	{"what time is it", "What time is it?"},
	{"which color would you like", "Which color would you like?"},
	{"how much is it", "How much is it?"},
	{"is this the right number", "Is this the right number?"},
	{"when i get home i call you", "When I get home I call you."},
	{"what a day", "What a day."},
	{"okay so where is it", "Okay so where is it?"},
	{"you got it | right", "You got it, right?"},
	{"would you like it regular or express", "Would you like it regular or express?"},
	{"how about tomorrow", "How about tomorrow?"},
	// Pauses.
	{"it broke || i need a new one", "It broke. I need a new one."},
	{"hello || my name is anna", "Hello. My name is Anna."},
	{"i came home | but nobody was there", "I came home, but nobody was there."},
	{"thank you || can you help me", "Thank you. Can you help me?"},
	{"twenty || dollars", "$20."},
	{"yes | i do", "Yes, I do."},
	{"the | dog", "The dog."},
	{"one zero | zero one two", "10012."},
	{"i want | to go", "I want to go."},
}

func TestEnglish(t *testing.T) {
	if len(englishCases) < 100 {
		t.Fatalf("only %d cases", len(englishCases))
	}
	for _, c := range englishCases {
		got, spans := Format("en", said(c.in))
		if got != c.want {
			t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
		}
		checkSpans(t, said(c.in), got, spans)
	}
}

// checkSpans holds the promise of Format: spans are in order, do not overlap
// and cover every word once.
func checkSpans(t *testing.T, words []Word, text string, spans []Span) {
	t.Helper()
	at, from := 0, 0
	for _, s := range spans {
		if s.TextStart < at || s.TextEnd < s.TextStart || s.TextEnd > len(text) || s.From != from || s.To <= s.From {
			t.Fatalf("%q: span %+v after text %d word %d", text, s, at, from)
		}
		at, from = s.TextEnd, s.To
	}
	if from != len(words) {
		t.Fatalf("%q: spans cover %d of %d words", text, from, len(words))
	}
}

func TestEnglishSpans(t *testing.T) {
	got, spans := Format("en", said("it costs twenty dollars and fifty cents please"))
	if got != "It costs $20.50 please." {
		t.Fatal(got)
	}
	want := []Span{{0, 2, 0, 1}, {3, 8, 1, 2}, {9, 15, 2, 7}, {16, 22, 7, 8}}
	if len(spans) != len(want) {
		t.Fatalf("%+v", spans)
	}
	for i := range want {
		if spans[i] != want[i] {
			t.Errorf("span %d: got %+v want %+v", i, spans[i], want[i])
		}
	}
}

func TestWithoutTimes(t *testing.T) {
	words := []Word{{Text: "it"}, {Text: "is"}, {Text: "ten"}, {Text: "percent"}}
	if got, _ := Format("en-us", words); got != "It is 10%." {
		t.Error(got)
	}
	if got, spans := Format("en", nil); got != "" || spans != nil {
		t.Error(got, spans)
	}
	if got, _ := Format("fr", []Word{{Text: "vingt"}, {Text: "et"}, {Text: "un"}}); got != "vingt et un" {
		t.Error(got)
	}
}

func FuzzFormat(f *testing.F) {
	for _, c := range englishCases {
		f.Add("en", c.in)
	}
	for _, c := range chineseCases {
		f.Add("zh", c.in)
	}
	f.Fuzz(func(t *testing.T, lang, in string) {
		words := said(in)
		got, spans := Format(lang, words)
		checkSpans(t, words, got, spans)
	})
}

func BenchmarkEnglish(b *testing.B) {
	words := said("hello my number is two one two five five five oh one eight seven and i paid twenty dollars and fifty cents on march third twenty twenty four")
	b.ReportAllocs()
	for b.Loop() {
		Format("en", words)
	}
}
