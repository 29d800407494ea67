package main

import (
	"errors"
	"fmt"
	"os"

	helm "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
)

func runHelm() int {
	// The default field manager is the name of the binary, which differs between calls, so an upgrade would conflict.
	kube.ManagedFieldsManager = "helm"
	command, err := helm.NewRootCmd(os.Stdout, os.Args[1:], helm.SetupLogging)
	if err == nil {
		err = command.Execute()
	}
	var failure helm.CommandError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failure):
		return failure.ExitCode
	default:
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
}
