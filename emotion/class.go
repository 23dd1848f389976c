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

// ParseClass knows the names of classes and the usual labels of emotional speech, so
// that manifests of other makers can be read; what it does not know is Other, false.
func ParseClass(label string) (Class, bool) {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "neutral", "calm", "neutrality", "boredom", "bored", "n", "neu", "中性", "平静":
		return Neutral, true
	case "angry", "anger", "frustrated", "frustration", "rage", "hot anger", "cold anger", "irritated", "a", "ang", "fru", "生气", "愤怒":
		return Angry, true
	case "happy", "happiness", "joy", "joyful", "excited", "elation", "amused", "h", "hap", "高兴", "开心", "快乐":
		return Happy, true
	case "sad", "sadness", "s", "难过", "悲伤", "伤心":
		return Sad, true
	case "other", "fear", "fearful", "anxiety", "disgust", "disgusted", "surprise", "surprised", "contempt", "fea", "dis", "sur", "其他", "害怕", "恐惧", "厌恶", "惊讶":
		return Other, true
	}
	return Other, false
}

// affect places a label on the plane of valence and arousal, -1..1 each (the directions
// of Russell 1980, "A circumplex model of affect"; the lengths are ours).
func affect(label string) (arousal, valence float32) {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "fear", "fearful", "anxiety", "fea", "害怕", "恐惧":
		return 0.7, -0.6
	case "disgust", "disgusted", "contempt", "dis", "厌恶":
		return 0.3, -0.7
	case "surprise", "surprised", "sur", "惊讶":
		return 0.7, 0.2
	case "boredom", "bored":
		return -0.6, -0.3
	case "calm":
		return -0.4, 0.3
	}
	switch c, _ := ParseClass(label); c {
	case Angry:
		return 0.8, -0.7
	case Happy:
		return 0.6, 0.8
	case Sad:
		return -0.6, -0.7
	}
	return 0, 0
}
