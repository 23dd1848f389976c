package main

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hidden stands in place of a secret.
const hidden = "(hidden)"

// secretKey are settings that nobody should read over a shoulder.
var secretKey = regexp.MustCompile(`(?i)(password|secret|token)$`)

// show is the configuration as YAML with its secrets hidden.
func show(cfg Config) (string, error) {
	var doc yaml.Node
	if err := doc.Encode(cfg); err != nil {
		return "", fmt.Errorf("show configuration: %w", err)
	}
	hide(&doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return "", fmt.Errorf("show configuration: %w", err)
	}
	return out.String(), nil
}

func hide(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && child.Kind == yaml.ScalarNode && child.Value != "" {
			switch key := n.Content[i-1].Value; {
			case secretKey.MatchString(key):
				child.SetString(hidden)
			case strings.HasSuffix(key, "url"), key == "redis":
				child.SetString(hideUserinfo(child.Value))
			}
		}
		hide(child)
	}
}

var dsnPassword = regexp.MustCompile(`(?i)password\s*=\s*('[^']*'|\S+)`)

// hideUserinfo takes the password out of a URL or DSN.
func hideUserinfo(s string) string {
	if u, err := url.Parse(s); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), "hidden")
		}
		if q := u.Query(); q.Has("password") {
			q.Set("password", "hidden")
			u.RawQuery = q.Encode()
		}
		return u.String()
	}
	return dsnPassword.ReplaceAllString(s, "password="+hidden)
}
