package score

import (
	"fmt"
	"slices"
	"strings"

	"tingxin/emotion"
)

// mostClasses bounds how many classes are told apart.
const mostClasses = 64

// relabel is one entry of --classes: recordings labelled from count as to.
type relabel struct{ from, to string }

// parseClasses reads "anger=angry,calm=neutral,fear": which of the manifest's labels count,
// and as what; a label alone counts as itself. "" is all of them, as they are.
func parseClasses(text string) ([]relabel, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var list []relabel
	for _, entry := range strings.Split(text, ",") {
		from, to, mapped := strings.Cut(entry, "=")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !mapped {
			to = from
		}
		switch {
		case from == "" || to == "":
			return nil, fmt.Errorf("--classes: %q is neither LABEL nor LABEL=CLASS", entry)
		case slices.ContainsFunc(list, func(r relabel) bool { return strings.EqualFold(r.from, from) }):
			return nil, fmt.Errorf("--classes: the label %q is there twice", from)
		case len(list) == mostClasses:
			return nil, fmt.Errorf("--classes: more than %d labels", mostClasses)
		}
		list = append(list, relabel{from, to})
	}
	return list, nil
}

// choose keeps the recordings whose labels are in classes, under their new labels.
func choose(list []Spoken, classes []relabel) ([]Spoken, error) {
	if classes == nil {
		return list, nil
	}
	used := make([]bool, len(classes))
	var out []Spoken
	for _, s := range list {
		k := slices.IndexFunc(classes, func(r relabel) bool { return strings.EqualFold(r.from, s.Label) })
		if k < 0 {
			continue
		}
		used[k] = true
		if to := classes[k].to; !strings.EqualFold(to, s.Label) {
			s.Label = to
			s.Class, s.Known = emotion.ParseClass(to)
		}
		out = append(out, s)
	}
	if k := slices.Index(used, false); k >= 0 {
		return nil, fmt.Errorf("--classes: no recording is labelled %q; there are %s", classes[k].from, strings.Join(labelsOf(list), ", "))
	}
	return out, nil
}

// labelsOf are the labels that occur, sorted.
func labelsOf(list []Spoken) []string {
	var names []string
	for _, s := range list {
		names = append(names, s.Label)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mapping says in one line which labels count as which class of a model.
func mapping(list []Spoken) string {
	var parts []string
	for k := range emotion.Class(emotion.Classes) {
		var names []string
		for _, s := range list {
			if name := s.Label; s.Class == k {
				if !s.Known {
					name += " (unknown word)"
				}
				names = append(names, name)
			}
		}
		if names != nil {
			slices.Sort(names)
			parts = append(parts, fmt.Sprintf("%s = %s", k, strings.Join(slices.Compact(names), ", ")))
		}
	}
	return strings.Join(parts, "; ")
}
