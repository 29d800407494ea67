{{- define "userstream.name" -}}
{{- if contains "userstream" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-userstream" (.Release.Name | trunc 39 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "userstream.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "userstream.name" .) }}
{{- end }}

{{- define "userstream.selector" -}}
app.kubernetes.io/name: userstream-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "userstream.labels" -}}
{{ include "userstream.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: userstream
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The reference of an image. Arguments: (list image-values default-tag) */}}
{{- define "userstream.image" -}}
{{- $image := index . 0 -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default (index . 1) }}{{ end }}
{{- end }}
