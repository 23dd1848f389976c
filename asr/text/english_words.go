package text

import "strings"

// wordSet makes a set of the words in s.
func wordSet(s string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

type currency struct {
	sign  string
	cents map[string]bool
	cue   bool // needs a word about paying before it: "pounds" also weigh
}

var currencies = map[string]currency{
	"dollar": {sign: "$", cents: wordSet("cent cents")}, "dollars": {sign: "$", cents: wordSet("cent cents")},
	"euro": {sign: "€", cents: wordSet("cent cents")}, "euros": {sign: "€", cents: wordSet("cent cents")},
	"pound": {sign: "£", cents: wordSet("pence penny p"), cue: true}, "pounds": {sign: "£", cents: wordSet("pence penny p"), cue: true},
	"yen": {sign: "¥"}, "yuan": {sign: "¥"}, "rupees": {sign: "₹", cents: wordSet("paise")},
}

var (
	payWords        = wordSet("pay pays paid paying cost costs price prices spend spent charge charged charges worth owe owes owed refund refunded bill fee total balance earn earned")
	percentWords    = wordSet("percent")
	minusWords      = wordSet("minus negative")
	noPointAfter    = wordSet("the a this that at my your his her its our their some any no one's good main whole key")
	measureWords    = wordSet("degrees degree kilometers kilometres kilometer kilometre miles kilos kilograms grams gigabytes megabytes terabytes kilowatts volts watts megahertz gigahertz millimeters centimeters liters litres")
	smallCue        = wordSet("number room floor gate terminal option press extension flight chapter page line step section apartment suite unit version platform zone route highway channel bus seat level lane windows dial row column question item track day")
	notCounted      = wordSet("of more")
	ordinalNext     = wordSet("street avenue floor anniversary birthday century place grade edition annual road row")
	yearCue         = wordSet("in since until by year before after from of")
	clockCue        = wordSet("at by around until till before after from between it's its is about past was")
	clockTail       = wordSet("morning afternoon evening night tonight tomorrow today sharp")
	codeCue         = wordSet("extension code pin number account zip id order reference room confirmation ticket tracking serial policy member invoice postcode")
	phoneCue        = wordSet("phone telephone number call calling dial reach text fax cell mobile")
	accountCue      = wordSet("account order card reference tracking serial policy member invoice ticket confirmation zip code pin case routing")
	streetWords     = wordSet("street avenue road lane drive boulevard court")
	articles        = wordSet("a an the my your his her our their this that some any every")
	functionWords   = wordSet("a an the and or but of to in on at for with is are was were be been i you he she it we they said says who that this will would can could do does did had has have not so if")
	domains         = wordSet("com org net edu gov io co uk de cn info")
	months          = wordSet("january february march april may june july august september october november december")
	ambiguousMonths = wordSet("march may august")
	numberWords     = wordSet("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion zero oh")
)

var decades = map[string]string{
	"tens": "10", "twenties": "20", "thirties": "30", "forties": "40", "fifties": "50", "sixties": "60",
	"seventies": "70", "eighties": "80", "nineties": "90", "hundreds": "00",
}

var fractionTails = map[string]string{"half": "2", "third": "3", "quarter": "4"}

var fractionPlurals = map[string]string{
	"thirds": "3", "quarters": "4", "fourths": "4", "fifths": "5", "sixths": "6", "sevenths": "7", "eighths": "8", "tenths": "10",
}

var titles = map[string]string{
	"mister": "Mr.", "mr": "Mr.", "missus": "Mrs.", "mrs": "Mrs.", "ms": "Ms.", "doctor": "Dr.", "dr": "Dr.",
}

// abbreviations are spelled but written together.
var abbreviations = map[string]string{
	"USA": "USA", "US": "US", "UK": "UK", "EU": "EU", "UN": "UN", "TV": "TV", "ID": "ID", "PIN": "PIN", "ATM": "ATM", "FBI": "FBI",
	"CIA": "CIA", "PC": "PC", "IT": "IT", "API": "API", "CEO": "CEO", "CV": "CV", "DVD": "DVD", "CD": "CD", "GPS": "GPS", "PDF": "PDF",
	"URL": "URL", "USB": "USB", "VIP": "VIP", "VPN": "VPN", "SMS": "SMS", "SIM": "SIM", "SIP": "SIP", "IP": "IP", "DSL": "DSL", "HR": "HR",
	"PO": "PO", "RSVP": "RSVP", "FAQ": "FAQ", "VAT": "VAT", "IRS": "IRS", "SSN": "SSN", "LA": "LA", "NYC": "NYC", "DC": "DC", "OK": "OK",
	"AI": "AI", "CPU": "CPU", "LED": "LED", "UPS": "UPS", "DHL": "DHL", "BMW": "BMW", "IBM": "IBM", "HP": "HP", "ETA": "ETA", "ASAP": "ASAP",
}

// properCase are words with a capital that are no first names, and never common words.
var properCase = wordSet(`
monday tuesday wednesday thursday friday saturday sunday
january february april june july august september october november december
english chinese french german spanish italian japanese korean russian portuguese dutch arabic hindi mandarin cantonese latin greek
american british european african asian canadian australian mexican indian irish scottish swedish
america britain england scotland ireland france germany spain italy europe asia africa china japan korea india russia canada mexico
australia brazil argentina egypt israel iran iraq switzerland austria sweden norway denmark finland poland portugal greece netherlands
london paris berlin rome madrid tokyo beijing shanghai shenzhen taiwan singapore moscow vienna boston chicago seattle houston dallas
denver atlanta miami detroit philadelphia baltimore cleveland pittsburgh phoenix portland toronto montreal vancouver sydney melbourne dublin
texas california florida virginia pennsylvania ohio michigan illinois georgia carolina arizona colorado oregon nevada utah kansas iowa
kentucky tennessee alabama mississippi louisiana arkansas oklahoma missouri minnesota wisconsin nebraska dakota montana wyoming idaho alaska hawaii
maryland delaware connecticut massachusetts vermont maine manhattan brooklyn
google microsoft amazon facebook twitter youtube netflix samsung toyota chromecast iphone android christmas easter thanksgiving
god christian catholic jewish muslim`)

// firstNames leaves out names that are also common words.
var firstNames = wordSet(`
james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony donald steven paul
andrew joshua kenneth kevin brian george timothy ronald jason edward jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin
scott brandon benjamin samuel gregory alexander patrick jack dennis jerry tyler aaron jose adam nathan henry douglas zachary peter kyle
noah ethan jeremy walter christian keith roger terry austin sean gerald carl harold dylan arthur lawrence jordan jesse bryan billy bruce
gabriel joe logan alan juan albert willie elijah wayne randy vincent mason roy ralph bobby russell bradley philip eugene
mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra margaret ashley kimberly emily donna
michelle carol amanda melissa deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley brenda emma anna pamela
nicole samantha katherine christine helen debra rachel carolyn janet maria catherine heather diane olivia julie joyce victoria ruth virginia
lauren kelly christina joan evelyn judith andrea hannah megan cheryl jacqueline martha madison teresa gloria sara janice ann kathryn abigail
sophia frances jean alice judy isabella julia denise amber beverly danielle marilyn charlotte natalie theresa diana brittany doris kayla
alexis lori tom mike dave jim bob steve chris matt dan tony ben sam alex max leo oscar felix hugo otto fred ted ned jane kate lucy ellen
peggy marianne edmund dashwood elinor wei ming fang li zhang wang chen liu yang huang zhao zhou xu sun zhu`)

// upperCase are abbreviations that the recogniser gives as one word.
var upperCase = wordSet("usa uk eu tv atm fbi cia api ceo dvd gps pdf url usb vip vpn sms dsl vat irs nyc dhl bmw ibm nasa")

// capitalPairs are two words that both take a capital only together.
var capitalPairs = map[string]string{
	"new": "york zealand jersey mexico orleans hampshire england delhi", "los": "angeles", "san": "francisco diego jose antonio",
	"las": "vegas", "hong": "kong", "united": "states kingdom nations", "north": "carolina dakota america korea", "south": "carolina dakota america korea africa",
	"west": "virginia", "great": "britain", "saint": "louis paul", "salt": "lake", "lake": "city", "middle": "east", "credit": "",
}

// capital writes the first letter of an English word large.
func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
