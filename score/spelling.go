package score

import "strings"

// spellings are British words and their American form. Families of words are
// listed by stem: what follows the stem is kept.
var (
	stems = pairs(`
colour:color favour:favor honour:honor labour:labor neighbour:neighbor harbour:harbor humour:humor rumour:rumor behaviour:behavior
flavour:flavor savour:savor vapour:vapor vigour:vigor odour:odor armour:armor parlour:parlor splendour:splendor tumour:tumor valour:valor
endeavour:endeavor candour:candor clamour:clamor demeanour:demeanor fervour:fervor rancour:rancor rigour:rigor saviour:savior ardour:ardor
arbour:arbor enamour:enamor misdemeanour:misdemeanor mould:mold moult:molt smoulder:smolder plough:plow sceptic:skeptic
travell:travel cancell:cancel modell:model labell:label signall:signal levell:level counsell:counsel quarrell:quarrel marvell:marvel
channell:channel fuell:fuel diall:dial tunnell:tunnel rivall:rival equall:equal initiall:initial totall:total pencill:pencil
anaesthe:anesthe paediatr:pediatr foetus:fetus encyclopaed:encycloped haem:hem oesoph:esoph oestrogen:estrogen orthopaed:orthoped
manoeuvr:maneuver diarrhoea:diarrhea leukaem:leukem anaem:anem archaeolog:archeolog mediaeval:medieval
centre:center theatre:theater litre:liter metre:meter kilometre:kilometer centimetre:centimeter millimetre:millimeter fibre:fiber lustre:luster
calibre:caliber sabre:saber sombre:somber spectre:specter meagre:meager reconnoitre:reconnoiter
defence:defense offence:offense licence:license pretence:pretense practis:practic
catalogu:catalog analogue:analog dialogue:dialog grey:gray tyre:tire kerb:curb cheque:check storey:story moustache:mustache jeweller:jeweler`)

	// izes are stems of verbs in -ise; the list is closed because many words only look like them.
	izes = wordSet(`organis realis recognis apologis criticis emphasis memoris minimis maximis specialis standardis summaris symbolis utilis
authoris categoris characteris civilis colonis computeris customis dramatis economis energis equalis familiaris finalis generalis harmonis
hospitalis idealis immunis industrialis itemis legalis localis materialis mechanis mesmeris mobilis modernis monopolis nationalis naturalis
neutralis normalis optimis patronis penalis personalis popularis prioritis privatis publicis randomis rationalis revolutionis sensationalis
serialis socialis stabilis sterilis subsidis sympathis synchronis terroris theoris tranquillis traumatis vaporis visualis victimis
actualis agonis antagonis baptis brutalis capitalis centralis christianis crystallis demoralis disorganis fantasis fertilis formalis fraternis
galvanis globalis humanis hypnotis immobilis improvis jeopardis liberalis magnetis moralis ostracis oxidis philosophis plagiaris polaris
pulveris reorganis scandalis scrutinis solemnis tantalis unrecognis urbanis vandalis verbalis westernis womanis analys paralys catalys`)

	whole = pairs(`
aluminium:aluminum jewellery:jewelry judgement:judgment ageing:aging cosy:cozy pyjamas:pajamas draught:draft draughts:drafts enrol:enroll
fulfil:fulfill skilful:skillful wilful:willful instalment:installment instalments:installments programme:program programmes:programs
mum:mom mums:moms axe:ax enquiry:inquiry enquiries:inquiries enquire:inquire enquired:inquired cancelation:cancellation
acknowledgement:acknowledgment artefact:artifact artefacts:artifacts carcase:carcass chequered:checkered connexion:connection
doughnut:donut doughnuts:donuts furore:furor gaol:jail gaoler:jailer gauge:gage maths:math omelette:omelet sulphur:sulfur
tonne:ton tonnes:tons whisky:whiskey woollen:woolen yoghurt:yogurt distil:distill instil:instill appal:appall learnt:learned burnt:burned
dreamt:dreamed spelt:spelled spoilt:spoiled okay:ok`)
)

func pairs(s string) map[string]string {
	m := make(map[string]string)
	for _, p := range strings.Fields(s) {
		a, b, _ := strings.Cut(p, ":")
		m[a] = b
	}
	return m
}

func wordSet(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// american gives the American spelling of one lower-case word.
func american(w string) string {
	if s, ok := whole[w]; ok {
		return s
	}
	for n := len(w); n >= 4; n-- {
		if s, ok := stems[w[:n]]; ok {
			return s + w[n:]
		}
		if izes[w[:n]] && n < len(w) && strings.IndexByte("eia", w[n]) >= 0 && !strings.HasSuffix(w, "is") && !strings.HasSuffix(w, "ist") && !strings.HasSuffix(w, "ism") {
			return w[:n-1] + "z" + w[n:]
		}
	}
	return w
}
