package emotion

import "strings"

// Class is what a Reading says was heard.
type Class uint8

// The classes, in the order of Reading.P, and Unsure, which stands for none of them.
const (
	Neutral Class = iota
	Angry
	Happy
	Sad
	Other
	Unsure
)

// Classes is the number of classes that have a probability.
const Classes = 5

var classNames = [...]string{"neutral", "angry", "happy", "sad", "other", "unsure"}

// String is the class's name in tables, events and pages.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// feltAs is what labels of one meaning count as: a class, and a place on the plane of valence
// and arousal, -1..1 each (the directions of Russell 1980, "A circumplex model of affect"; the
// lengths are ours).
type feltAs struct {
	class            Class
	arousal, valence float32
	words            string // separated by semicolons, as plainLabel writes them
}

// meanings are the usual labels of emotional speech: the words of corpora in English, Chinese,
// German, French, Spanish, Italian, Russian and Japanese, and the usual codes.
var meanings = []feltAs{
	{Neutral, 0, 0, `neutral; neutrality; normal; n; neu; neutral state; 中性; 中立; 平静; 平淡; neutralität; neutre; neutro; neutra; neutrale; neutralidad; нейтральный; нейтрально; нейтральность;
		нейтральная; 平常; ニュートラル; 中立的`},
	{Neutral, -0.4, 0.3, `calm; calmness; relaxed; ruhig; ruhe; calme; calma; tranquilo; спокойствие; спокойный; 冷静; 平靜`},
	{Neutral, -0.6, -0.3, `boredom; bored; bor; langeweile; gelangweilt; ennui; aburrimiento; noia; скука; 无聊`},
	{Angry, 0.8, -0.7, `angry; anger; frustrated; frustration; rage; furious; fury; mad; hot anger; cold anger; irritated; irritation; annoyed; annoyance; a; ang; fru; 生气; 愤怒; 恼怒; 发怒; 怒; 气愤;
		wut; wütend; ärger; aerger; ärgerlich; zorn; zornig; colère; colere; ira; enojo; enojado; enfado; enfadado; rabia; rabbia; гнев; злость; злой; раздражение; 怒り`},
	{Happy, 0.6, 0.8, `happy; happiness; joy; joyful; joyous; cheerful; excited; excitement; elation; amused; amusement; h; hap; exc; 高兴; 开心; 快乐; 喜悦; 喜; 幸福; freude; freudig; fröhlich; froh; glücklich;
		joie; joyeux; alegría; alegria; alegre; felicidad; feliz; gioia; felicità; felicita; felice; радость; радостный; счастье; 喜び; 楽しい; うれしい`},
	{Sad, -0.6, -0.7, `sad; sadness; sorrow; grief; depressed; s; sa; 难过; 悲伤; 伤心; 哀伤; 悲; 哀; trauer; traurig; traurigkeit; tristesse; triste; tristeza; tristezza; грусть; грустный; печаль; 悲しみ; 悲しい`},
	{Other, 0.7, -0.6, `fear; fearful; afraid; scared; anxiety; anxious; panic; fea; 害怕; 恐惧; 恐慌; 惧; angst; ängstlich; furcht; peur; miedo; paura; страх; 恐れ`},
	{Other, 0.3, -0.7, `disgust; disgusted; contempt; dis; 厌恶; ekel; angeekelt; dégoût; degout; asco; disgusto; отвращение; 嫌悪`},
	{Other, 0.7, 0.2, `surprise; surprised; pleasant surprise; pleasant surprised; ps; sur; su; 惊讶; 惊喜; 惊奇; 吃惊; 惊; überraschung; überrascht; sorpresa; удивление; 驚き`},
	{Other, 0, 0, `other; others; oth; 其他; 其它; andere; sonstige; autre; otro; altro`},
}

var meaningOf = func() map[string]*feltAs {
	m := make(map[string]*feltAs)
	for i := range meanings {
		for word := range strings.SplitSeq(meanings[i].words, ";") {
			m[strings.Join(strings.Fields(word), " ")] = &meanings[i]
		}
	}
	return m
}()

// plainLabel is a label in lower case, with single spaces for whatever separates its words.
func plainLabel(label string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(label), func(r rune) bool { return r == ' ' || r == '\t' || r == '_' || r == '-' || r == '\u00a0' }), " ")
}

// ParseClass knows the names of classes and the usual labels of emotional speech, so
// that manifests of other makers can be read; what it does not know is Other, false.
func ParseClass(label string) (Class, bool) {
	if m := meaningOf[plainLabel(label)]; m != nil {
		return m.class, true
	}
	return Other, false
}

// affect places a label on the plane of valence and arousal; one that is not known lies in its middle.
func affect(label string) (arousal, valence float32) {
	if m := meaningOf[plainLabel(label)]; m != nil {
		return m.arousal, m.valence
	}
	return 0, 0
}
