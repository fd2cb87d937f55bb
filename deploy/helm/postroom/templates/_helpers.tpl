{{- define "postroom.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "postroom.selector" -}}
app.kubernetes.io/name: postroom
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "postroom.labels" -}}
{{ include "postroom.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "postroom.image" -}}
{{- $image := .Values.image -}}
{{- required "image.repository: the image to run" $image.repository -}}
{{- if $image.tag }}:{{ $image.tag }}{{ end -}}
{{- end }}

{{- define "postroom.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ include "postroom.name" . }}{{ else }}default{{ end -}}
{{- end }}

{{/* The port that answers /health and /metrics, by role. */}}
{{- define "postroom.healthPort" -}}
{{- if eq . "web" }}8400{{ else if eq . "webhooks" }}8401{{ else }}8403{{ end -}}
{{- end }}

{{/* What every container of ours shares. Takes {root, role, databaseKey}. */}}
{{- define "postroom.container" -}}
image: {{ include "postroom.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
envFrom:
  - configMapRef: {name: {{ include "postroom.name" .root }}}
  {{- with .root.Values.secrets.objects }}
  - secretRef: {name: {{ . }}}
  {{- end }}
env:
  - name: POSTROOM_DATABASE_URL
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.database }}, key: {{ .databaseKey }}}}
  - name: POSTROOM_MASTER_KEYS
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.keys }}, key: master-keys}}
  {{- if and (eq .role "web") .root.Values.secrets.oidc }}
  - name: POSTROOM_OIDC_CLIENT_SECRET
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.oidc }}, key: client-secret}}
  {{- end }}
  {{- if .root.Values.temporal.apiKeyKey }}
  - name: TEMPORAL_API_KEY
    valueFrom:
      secretKeyRef:
        name: {{ required "secrets.temporal: the Secret with temporal.apiKeyKey" .root.Values.secrets.temporal }}
        key: {{ .root.Values.temporal.apiKeyKey }}
  {{- end }}
  - name: OTEL_SERVICE_NAME
    value: postroom-{{ .role }}
volumeMounts:
  - {name: scratch, mountPath: /tmp}
{{- end }}

{{- define "postroom.pod" -}}
serviceAccountName: {{ include "postroom.serviceAccount" . }}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
