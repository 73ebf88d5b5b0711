package command

import "errors"

// own returns the commands that every program has.
func (p *Program) own() []*Command {
	list := []*Command{p.helpCommand(), p.completionCommand(), p.versionCommand()}
	names := []string{}
	for _, c := range append(list, p.Commands...) {
		names = append(names, c.Name)
	}
	list[0].Words = names
	return list
}

func (p *Program) helpCommand() *Command {
	flags := NewFlags()
	man := flags.Bool("man", false, "print the manual page instead, as roff")
	return &Command{
		Name: "help", Line: "show how to use a command", Args: "[COMMAND]", Flags: flags,
		About:    "Prints how to use a command, or the program without one.\n",
		Examples: []Example{{Text: p.Name + " help -man | man -l -"}},
		Run: func(args []string) error {
			switch {
			case *man && len(args) == 0:
				return p.print(p.manual())
			case *man || len(args) > 1:
				return UsageError(errors.New("name one command, or none for -man"))
			case len(args) == 0:
				return p.print(p.help(p.Main))
			}
			c, err := p.find(args[0])
			if err != nil {
				return err
			}
			return p.print(p.help(c))
		},
	}
}

func (p *Program) versionCommand() *Command {
	return &Command{
		Name: "version", Line: "print the version", Flags: NewFlags(),
		About:    "Prints the version.\n",
		Examples: []Example{{Text: p.Name + " version"}},
		Run:      func([]string) error { return p.print(p.Version + "\n") },
	}
}
