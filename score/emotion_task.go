package score

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"tingxin/emotion"
)

// task is what has to be told apart in one corpus.
type task struct {
	corpus, name string
	names        []string // of the classes
	anger        []int    // indexes of the classes of anger; labels may have several
	items        []measured
	y            []int
	teach        []measured // other corpora, for protocol cross and pools
	teachY       []int
	first        map[int]bool // items that are a speaker's first neutral seconds
}

// tasks are those of each corpus: its own labels, four classes and, if there is more than
// those, five; or the one that only names. Labels that are the four classes under other
// names are scored once, as four.
func tasks(all []measured, only string) (list []*task) {
	var names []string
	for _, m := range all {
		if !slices.Contains(names, m.Corpus) {
			names = append(names, m.Corpus)
		}
	}
	for _, name := range names {
		var own []measured
		other := false
		for _, m := range all {
			if m.Corpus == name {
				own = append(own, m)
				other = other || m.Class == emotion.Other
			}
		}
		labels, four := labelTask(name, own), classTask(name, "four", own)
		switch {
		case only == "labels":
			list = append(list, labels)
		case only == "" && !labels.sameAs(four):
			list = append(list, labels)
		}
		if only == "" || only == "four" {
			list = append(list, four)
		}
		if other && only != "labels" && only != "four" {
			list = append(list, classTask(name, "five", own))
		}
	}
	return slices.DeleteFunc(list, func(t *task) bool { return len(t.items) == 0 })
}

// sameAs tells whether both tasks ask the same of the same recordings, by whatever names.
func (t *task) sameAs(other *task) bool {
	if len(t.items) != len(other.items) {
		return false
	}
	there, back := map[int]int{}, map[int]int{}
	for i, y := range t.y {
		if t.items[i].Path != other.items[i].Path {
			return false
		}
		a, ok := there[y]
		b, known := back[other.y[i]]
		if ok && a != other.y[i] || known && b != y {
			return false
		}
		there[y], back[other.y[i]] = other.y[i], y
	}
	return true
}

// title is the task's name in tables.
func (t *task) title() string {
	if t.name == "five" {
		return "4 + other"
	}
	return t.name
}

// hopeless says why there is nothing to leave out and learn from, "" when there is.
func (t *task) hopeless() string {
	heard := map[int]bool{}
	for _, y := range t.y {
		heard[y] = true
	}
	switch {
	case t.speakers() < 2:
		return "one speaker only, nothing to leave out"
	case len(heard) < 2:
		return "one class only, nothing to tell apart"
	case len(t.names) > mostClasses:
		return fmt.Sprintf("%d classes, at most %d can be told apart", len(t.names), mostClasses)
	}
	return ""
}

// labelTask is to tell the corpus's own labels apart.
func labelTask(corpus string, own []measured) *task {
	t := &task{corpus: corpus, name: "labels", items: own}
	for _, m := range own {
		t.names = append(t.names, m.Label)
	}
	slices.Sort(t.names)
	t.names = slices.Compact(t.names)
	for _, m := range own {
		k := slices.Index(t.names, m.Label)
		t.y = append(t.y, k)
		if m.Class == emotion.Angry && !slices.Contains(t.anger, k) {
			t.anger = append(t.anger, k)
		}
	}
	t.findFirst()
	return t
}

// classTask is to tell the model's classes apart; "four" leaves recordings of Other out.
func classTask(corpus, name string, own []measured) *task {
	t := &task{corpus: corpus, name: name, anger: []int{int(emotion.Angry)}}
	classes := emotion.Classes
	if name == "four" {
		classes--
	}
	for k := range classes {
		t.names = append(t.names, emotion.Class(k).String())
	}
	for _, m := range own {
		if int(m.Class) < classes {
			t.items, t.y = append(t.items, m), append(t.y, int(m.Class))
		}
	}
	t.findFirst()
	return t
}

// crossTask tests a corpus by what the others teach; only classes of both count.
func crossTask(all []measured, corpus string) *task {
	var own, others []measured
	heard := map[emotion.Class]bool{}
	for _, m := range all {
		if m.Class == emotion.Other {
			continue
		}
		if m.Corpus == corpus {
			own = append(own, m)
		} else {
			others = append(others, m)
			heard[m.Class] = true
		}
	}
	own = slices.DeleteFunc(own, func(m measured) bool { return !heard[m.Class] })
	if len(own) == 0 || len(others) == 0 {
		return nil
	}
	t := classTask(corpus, "four", own)
	t.learnFrom(others)
	return t
}

// learnFrom has a task of model classes learn from other corpora too.
func (t *task) learnFrom(others []measured) {
	for _, m := range others {
		if int(m.Class) < len(t.names) {
			t.teach, t.teachY = append(t.teach, m), append(t.teachY, int(m.Class))
		}
	}
}

// teachers adds the other corpora to train.
func (t *task) teachers(train *fold) {
	other := &task{items: t.teach}
	other.findFirst()
	for i, m := range t.teach {
		train.add(m, t.teachY[i], other.first[i])
	}
}

// firstSeconds of neutral voice make the baseline of norm "first".
const firstSeconds = 8

// findFirst marks each speaker's first neutral recordings, at most half of those of a label.
func (t *task) findFirst() {
	t.first = map[int]bool{}
	total, taken, seconds := map[string]int{}, map[string]int{}, map[string]float64{}
	for _, m := range t.items {
		if m.Class == emotion.Neutral {
			total[m.Who()+"\t"+m.Label]++
		}
	}
	for i, m := range t.items {
		who, kind := m.Who(), m.Who()+"\t"+m.Label
		if m.Class == emotion.Neutral && seconds[who] < firstSeconds && 2*(taken[kind]+1) <= total[kind] {
			t.first[i] = true
			taken[kind]++
			seconds[who] += m.seconds
		}
	}
}

// strangers are the speakers who have no first seconds: norm "first" knows nothing of them.
func (t *task) strangers() int {
	known := map[string]bool{}
	for i := range t.first {
		known[t.items[i].Who()] = true
	}
	return t.speakers() - len(known)
}

func (t *task) speakers() int {
	who := map[string]bool{}
	for _, m := range t.items {
		who[m.Who()] = true
	}
	return len(who)
}

// loso tests each speaker with a classifier of all others.
func (t *task) loso(ctx context.Context, norm string, parallel int) ([]guess, error) {
	var names []string
	for _, m := range t.items {
		if !slices.Contains(names, m.Who()) {
			names = append(names, m.Who())
		}
	}
	found := make([][]guess, len(names))
	errs := make([]error, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range parallel {
		// Ends when next is closed.
		wg.Go(func() {
			for i := range next {
				found[i], errs[i] = t.fold(names[i], norm)
			}
		})
	}
	for i := range names {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(found...), ctx.Err()
}

// fold trains without one speaker and tests it.
func (t *task) fold(speaker, norm string) ([]guess, error) {
	train, test := &fold{norm: norm}, &fold{norm: norm}
	for i, m := range t.items {
		if m.Who() == speaker {
			test.add(m, t.y[i], t.first[i])
			continue
		}
		train.add(m, t.y[i], t.first[i])
		train.addCopies(m, t.y[i], t.first[i])
	}
	t.teachers(train)
	return evaluate(train, test, len(t.names), t.anger)
}

// cross trains on the other corpora and tests this one.
func (t *task) cross(norm string) ([]guess, error) {
	train, test := &fold{norm: norm}, &fold{norm: norm}
	t.teachers(train)
	for i, m := range t.items {
		test.add(m, t.y[i], t.first[i])
	}
	return evaluate(train, test, len(t.names), t.anger)
}

// apply reads each recording with a ready model.
func (t *task) apply(m *emotion.Model, norm string) (list []guess) {
	base := map[string]*emotion.Baseline{}
	for i, it := range t.items {
		if norm == "first" && t.first[i] {
			if base[it.Who()] == nil {
				base[it.Who()] = &emotion.Baseline{}
			}
			m.Learn(base[it.Who()], it.x, it.seconds)
		}
	}
	for i, it := range t.items {
		if norm == "first" && t.first[i] {
			continue
		}
		r := m.Classify(it.x, base[it.Who()])
		g := guess{speaker: it.Who(), path: it.Path, truth: t.y[i], p: slices.Clone(r.P[:len(t.names)])}
		sum := float32(0) // less than 1 when the model has a class that the task has not
		for _, p := range g.p {
			sum += p
		}
		for k := range g.p {
			g.p[k] /= max(1e-6, sum)
		}
		g.unsure = int(r.Class) != g.class()
		list = append(list, g)
	}
	return list
}
