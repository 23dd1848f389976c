package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tingxin/bot"
	"tingxin/bot/sample"
	"tingxin/call"
	"tingxin/ivr"
)

// startBot makes the bot and lets it answer the conversations that it holds.
func (s *server) startBot(ctx context.Context) (func() error, error) {
	if s.cfg.Bot.Off {
		s.chat.OnInbound(s.feedback.Hook(s.chat, s.chat.ToQueue, nil))
		return nil, nil
	}
	parts := bot.Parts{DB: s.db, Knowledge: bot.Articles{Service: s.kb}, People: bot.Contacts{Store: s.persons, DB: s.db}, Desk: bot.NewQueueDesk(s.queues), Promises: botPromises{s}}
	if s.embed != nil {
		parts.Embed = s.embed
	}
	e, err := bot.New(s.cfg.Bot, parts, s.log)
	if err != nil {
		return nil, err
	}
	if err := e.Start(ctx); err != nil {
		return nil, err
	}
	e.AddJobs(s.jobs)
	talks := bot.NewChat(e, siteChats{s.chat, s})
	s.chat.OnInbound(s.feedback.Hook(s.chat, talks.Inbound, talks.Took))
	s.kb.OnReload(e.Relearn)
	s.bot = e
	return func() error {
		s.kb.OnReload(nil)
		return e.Close()
	}, nil
}

// callBot is the bot as calls ask it.
type callBot struct {
	engine *bot.Engine
	people call.People
}

var _ call.Bot = callBot{}

// Turn implements call.Bot. Who calls is known as to every call; who hides the number is nobody.
func (b callBot) Turn(ctx context.Context, id, from string, said ivr.Said, emotion float64) (ivr.Told, error) {
	s := bot.Spoken{Call: id, Text: said.Text, Lang: said.Language, Keys: said.Keys, Emotion: emotion, From: dialled(from)}
	who, err := b.people.Person(ctx, from, "")
	if err != nil {
		return ivr.Told{}, err
	}
	s.Contact = who
	v, err := b.engine.Call(ctx, s)
	return ivr.Told{Text: v.Text, Language: v.Lang, Handover: v.Handover, Packet: v.Packet, Over: v.Over, Message: v.Message, Expect: ivr.Expectation(v.Expect)}, err
}

// runSampleOrders is "pbx sample-orders": an order service to try the bot's tools with.
func runSampleOrders(args []string, out, errOut io.Writer) error {
	fs := newFlags("sample-orders", "Serve sample orders over HTTP on this machine, and print how the bot's tools are declared for it.", errOut)
	addr := fs.String("listen", "127.0.0.1:8090", "loopback `address` to listen on")
	path := fs.String("orders", "", "JSON `file` with the orders; bundled ones when not given")
	if err := parse(fs, args); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(*addr); err != nil || net.ParseIP(host) == nil || !net.ParseIP(host).IsLoopback() {
		return usage{fmt.Errorf("--listen is %q: the service asks nobody who they are, so it listens on an address such as 127.0.0.1:8090 only", *addr)}
	}
	var doc []byte
	if *path != "" {
		var err error
		if doc, err = os.ReadFile(*path); err != nil {
			return err
		}
	}
	orders, err := sample.New(doc)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "sample orders at http://%s/orders/A2025070101\nput %s into bot.tool_hosts, and these into the bot's tools:\n", l.Addr(), l.Addr())
	for name, tool := range sample.Tools(l.Addr().String()) {
		fmt.Fprintf(out, "\n# %s\n%s", name, tool)
	}
	srv := &http.Server{Handler: orders.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { // ends with ctx
		<-ctx.Done()
		_ = srv.Close() // nothing of what it serves is worth waiting for
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
