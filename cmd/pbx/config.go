package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"tingxin/api"
	"tingxin/asr"
	"tingxin/assist"
	"tingxin/bot"
	"tingxin/call"
	"tingxin/callout"
	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/contact"
	"tingxin/emotion"
	"tingxin/feedback"
	"tingxin/ivr"
	"tingxin/kb"
	"tingxin/media"
	"tingxin/nlp/embed"
	"tingxin/node"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/report"
	"tingxin/rules"
	"tingxin/sip"
	"tingxin/ticket"
)

// Config is the whole of pbx: one section per package. The zero value is the default.
type Config struct {
	// DataDir is where everything is kept that has no place of its own; "data" when empty.
	DataDir string `yaml:"data_dir" koanf:"data_dir"`
	// DrainTimeout is how long running calls may go on after SIGTERM; 30 s when zero.
	DrainTimeout time.Duration   `yaml:"drain_timeout" koanf:"drain_timeout"`
	Log          LogConfig       `yaml:"log" koanf:"log"`
	SIP          sip.Config      `yaml:"sip" koanf:"sip"`
	Media        media.Config    `yaml:"media" koanf:"media"`
	ASR          ASRConfig       `yaml:"asr" koanf:"asr"`
	Emotion      emotion.Config  `yaml:"emotion" koanf:"emotion"`
	Call         call.Config     `yaml:"call" koanf:"call"`
	IVR          ivr.Config      `yaml:"ivr" koanf:"ivr"`
	Queues       queue.Config    `yaml:"queues" koanf:"queues"`
	Callouts     callout.Config  `yaml:"callouts" koanf:"callouts"`
	Contact      contact.Config  `yaml:"contact" koanf:"contact"`
	Chat         chat.Config     `yaml:"chat" koanf:"chat"`
	WebChat      webchat.Config  `yaml:"webchat" koanf:"webchat"`
	Embed        embed.Config    `yaml:"embed" koanf:"embed"`
	KB           kb.Config       `yaml:"kb" koanf:"kb"`
	Bot          bot.Config      `yaml:"bot" koanf:"bot"`
	Assist       assist.Config   `yaml:"assist" koanf:"assist"`
	Feedback     feedback.Config `yaml:"feedback" koanf:"feedback"`
	Tickets      ticket.Config   `yaml:"tickets" koanf:"tickets"`
	Rules        rules.Config    `yaml:"rules" koanf:"rules"`
	Report       report.Config   `yaml:"report" koanf:"report"`
	PG           pg.Config       `yaml:"pg" koanf:"pg"`
	API          api.Config      `yaml:"api" koanf:"api"`
	Cluster      node.Config     `yaml:"cluster" koanf:"cluster"`
}

// LogConfig says what is logged and how; it goes to standard error.
type LogConfig struct {
	// Level is debug, info, warn or error; info when empty. Debug may show numbers and words of people.
	Level string `yaml:"level" koanf:"level"`
	// Format is text or json; text when empty.
	Format string `yaml:"format" koanf:"format"`
}

// ASRConfig is the speech workers' section.
type ASRConfig struct {
	// Off runs without recognition.
	Off        bool `yaml:"off" koanf:"off"`
	asr.Config `yaml:",inline" koanf:",squash"`
}

// withDefaults puts the folders of all sections under DataDir.
func (c Config) withDefaults() Config {
	c.DataDir = cmp.Or(c.DataDir, "data")
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 30*time.Second)
	under := func(dir *string, name string) {
		if *dir == "" {
			*dir = filepath.Join(c.DataDir, name)
		}
	}
	under(&c.PG.Dir, "postgres")
	under(&c.Call.Recording.Dir, "recordings")
	under(&c.Call.Journal.Dir, "journal")
	under(&c.IVR.Cache, "prompts")
	under(&c.API.TLS.Dir, "tls")
	c.Contact.Region = cmp.Or(c.Contact.Region, c.SIP.Region)
	under(&c.Bot.KeyFile, "keys/bot.key")
	under(&c.Chat.Files, "attachments")
	under(&c.Chat.KeyFile, "chat.key")
	c.Chat.Node = cmp.Or(c.Chat.Node, c.Queues.Node, c.Call.Node)
	c.Queues.Node = cmp.Or(c.Queues.Node, c.Call.Node)
	c.Report.Zone = cmp.Or(c.Report.Zone, c.Queues.Zone)
	if c.API.Recordings == "" {
		c.API.Recordings = c.Call.Recording.Dir
	}
	return c
}

// check tells the first setting that cannot work, before anything is started.
func (c Config) check() error {
	if _, err := c.Log.logger(); err != nil {
		return err
	}
	if err := negative("", reflect.ValueOf(c)); err != nil {
		return err
	}
	if err := c.SIP.Check(); err != nil {
		return err
	}
	if !c.ASR.Off {
		if err := c.ASR.Check(); err != nil {
			return fmt.Errorf("%w; or set asr.off to run without recognition", err)
		}
	}
	if err := c.Emotion.Check(); err != nil {
		return err
	}
	if err := c.Queues.Check(); err != nil {
		return err
	}
	if err := c.Cluster.Check(); err != nil {
		return err
	}
	if c.Cluster.On() && c.PG.URL == "" {
		return errors.New("cluster.sip is set with a database of its own: the servers of a cluster share one, set DATABASE_URL or pg.url")
	}
	if err := c.Contact.Check(); err != nil {
		return err
	}
	if err := c.Chat.Check(); err != nil {
		return err
	}
	if err := c.KB.Check(); err != nil {
		return err
	}
	if err := c.Assist.Check(); err != nil {
		return err
	}
	if err := c.Bot.Check(); err != nil {
		return err
	}
	if err := c.Callouts.Check(); err != nil {
		return err
	}
	if err := c.Feedback.Check(); err != nil {
		return err
	}
	if err := c.Rules.Check(); err != nil {
		return err
	}
	if err := c.Report.Check(); err != nil {
		return err
	}
	return nil
}

// belowZero are the settings that mean something when they are negative.
var belowZero = map[string]bool{
	"media.port_min": true, "media.webrtc.port": true, // any free port
	"media.record_sync": true, "embed.cache": true, "tickets.remind_after": true, // never, none
	"sip.outbound.order": true,
}

// negative tells the first number or duration below zero that is none of those: no size, bound or time is.
func negative(path string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Struct:
		for f, field := range v.Fields() {
			name, option, _ := strings.Cut(f.Tag.Get("koanf"), ",")
			at := strings.TrimPrefix(path+"."+name, ".")
			if option == "squash" {
				at = path
			} else if name == "" || name == "-" {
				continue
			}
			if err := negative(at, field); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Map:
		for _, e := range v.Seq2() {
			if err := negative(path, e); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return negative(path, v.Elem())
		}
	default:
		if (v.CanInt() && v.Int() < 0 || v.CanFloat() && v.Float() < 0) && !belowZero[path] {
			return fmt.Errorf("%s is %v: it cannot be below zero", path, v.Interface())
		}
	}
	return nil
}

// logger is the log of the program.
func (l LogConfig) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmp.Or(l.Level, "info"))); err != nil {
		return nil, fmt.Errorf("log.level is %q: it is debug, info, warn or error", l.Level)
	}
	opt := &slog.HandlerOptions{Level: level}
	switch l.Format {
	case "", "text":
		return slog.New(slog.NewTextHandler(os.Stderr, opt)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, opt)), nil
	}
	return nil, fmt.Errorf("log.format is %q: it is text or json", l.Format)
}

// httpListen is the address of the pages and the API.
func (c Config) httpListen() string { return cmp.Or(c.API.Listen, "127.0.0.1:8080") }
