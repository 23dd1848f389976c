package score

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"tingxin/emotion"
)

// TrainOptions of a training run of an emotion model.
type TrainOptions struct {
	// Manifest is read by ReadSpoken, Corpus keeps one of its corpora.
	Manifest, Corpus string
	// Classes choose and rename labels (see parseClasses); what they become has to be one of
	// the model's classes, or a word for one.
	Classes string
	// Out is the model file, Name the model's name.
	Out, Name string
	// Features is the set of functionals that the model reads, large or 88.
	Features string
	// Parallel is how many goroutines measure (cores).
	Parallel int
}

// Register adds the command's flags to fs.
func (o *TrainOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Manifest, "manifest", "", "labelled recordings: `file` of tab-separated values with columns path, speaker, label")
	fs.StringVar(&o.Corpus, "corpus", "", "only this `corpus`")
	fs.StringVar(&o.Classes, "classes", "", "which `labels` count and as what, such as S1=angry,S2=neutral,boredom=other (default: all whose words are known)")
	fs.StringVar(&o.Out, "out", "", "model `file` to write")
	fs.StringVar(&o.Features, "features", "large", "`set` of functionals that the model reads: large or 88")
	fs.IntVar(&o.Parallel, "parallel", 0, "goroutines (default: cores)")
	fs.StringVar(&o.Name, "name", "own", "the model's `name`, shown with its readings")
}

// TrainEmotion trains a model on the recordings of a manifest, heard in several ways, and
// writes it.
func TrainEmotion(ctx context.Context, opts TrainOptions, out io.Writer) error {
	if opts.Manifest == "" || opts.Out == "" {
		return errors.New("train emotion needs --manifest FILE and --out FILE")
	}
	list, err := ReadSpoken(opts.Manifest, opts.Corpus)
	if err != nil {
		return err
	}
	classes, err := parseClasses(opts.Classes)
	if err != nil {
		return err
	}
	if list, err = choose(list, classes); err != nil {
		return err
	}
	for _, s := range list {
		if !s.Known {
			return fmt.Errorf("manifest line %d: the label %q of %s is no word for neutral, angry, happy, sad or other: say which by --classes %s=CLASS", s.Line, s.Label, s.Path, s.Label)
		}
	}
	fmt.Fprintf(out, "classes: %s\n", mapping(list))
	if err := teachable(list); err != nil {
		return err
	}
	set := emotion.Large
	if opts.Features != "" {
		if set, err = emotion.SetOf(opts.Features); err != nil {
			return err
		}
	}
	begun := time.Now()
	examples, mute, err := examplesOf(ctx, list, set, opts.Parallel)
	if err != nil {
		return err
	}
	if mute > 0 {
		fmt.Fprintf(out, "%d of %d recordings have no voice in them and are left out\n", mute, len(list))
	}
	if n := ways(len(list)); n < len(conditions) {
		fmt.Fprintf(out, "each recording is heard in %d of %d ways: there are many\n", n, len(conditions))
	}
	model, err := emotion.Train(opts.Name, examples)
	if err != nil {
		return err
	}
	f, err := os.Create(opts.Out)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	n, err := model.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	fmt.Fprintf(out, "%s: %d recordings, %d bytes, %.0f s\n", model.Version(), len(list)-mute, n, time.Since(begun).Seconds())
	return nil
}

// teachable says why nothing can be learnt from the recordings, before all of them are heard.
func teachable(list []Spoken) error {
	speakers, classes := map[string]bool{}, map[emotion.Class]bool{}
	for _, s := range list {
		speakers[s.Who()], classes[s.Class] = true, true
	}
	switch {
	case len(list) > mostExamples:
		return fmt.Errorf("%d recordings: a model is trained on at most %d; take a part of them", len(list), mostExamples)
	case len(speakers) < 2:
		return errors.New("all recordings are of one speaker: a model needs two at least, to be tested on who was left out")
	case len(classes) < 2:
		return fmt.Errorf("all recordings are %s: there is nothing to tell apart", list[0].Class)
	}
	return nil
}
