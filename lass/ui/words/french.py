"""The words of the pages in French; the tables of :mod:`lass.ui.words.texts` say what each sentence is for.

Descriptions of sounds stay English in the examples, because that is what the models understand.
"""

from __future__ import annotations

from lass.typography import french
from lass.ui.words import french_pages
from lass.ui.words.french_player import PLAYER
from lass.ui.words.stand_texts import StandTexts
from lass.ui.words.texts import Texts

_TITLES = {
    "An owl among crickets": "Chouette et grillons",
    "Knocking at a party": "On frappe à la fête",
    "A siren passes a skateboard": "Sirène et skateboard",
    "Birds over footsteps": "Des oiseaux et des pas",
    "Whales in the rain": "Des baleines sous la pluie",
    "owl hooting": "hululement d’une chouette",
    "crickets chirping": "chant des grillons",
    "knocking on a door": "coups à la porte",
    "party chatter": "brouhaha d’une fête",
    "siren wailing": "hurlement d’une sirène",
    "skateboard rolling": "roulement d’une planche",
    "birds chirping": "chant d’oiseaux",
    "footsteps": "bruits de pas",
    "whale singing": "chant de baleine",
    "rain falling": "pluie qui tombe",
}

FRENCH = french(
    Texts(
        language="fr",
        name="lass",
        tagline="Écrivez ce que vous voulez entendre. Obtenez-le, et tout le reste, dans tout enregistrement.",
        title="lass : entendre un seul son dans un enregistrement",
        other_language="English",
        recording="Votre enregistrement",
        recording_named="Votre enregistrement : {name}",
        too_large=(
            "Ce fichier dépasse les {size} que l’on peut envoyer ici ; raccourcissez-le ou envoyez-le en FLAC ou en "
            "MP3."
        ),
        query="Que voulez-vous entendre ? (en anglais)",
        query_placeholder="a dog barking",
        model="Modèle",
        separate="Séparer",
        cancel="Annuler",
        download_model="Télécharger ({size})",
        download_rest="Télécharger la suite ({size})",
        unpack_model="Décompresser l’archive",
        cancel_download="Annuler le téléchargement",
        model_here="fourni avec l’application",
        model_downloaded="présent sur cette machine",
        model_to_download="{size} à télécharger",
        model_option="{title} · {state}",
        model_option_away="à télécharger",
        model_option_here="téléchargé",
        model_companions="{size} à télécharger, et avec lui : {companions}",
        model_incomplete="Pour comprendre les mots, il lui manque encore : {companions}.",
        model_packed="Son archive est en place ; il reste à la décompresser.",
        model_to_use="Pour l’utiliser : {how}",
        model_get="appuyez sur Télécharger sous le modèle, ou choisissez-en un autre.",
        model_place="la personne qui fait tourner l’application le télécharge une fois, sur cette machine : {command}",
        model_licence="licence : {licence}",
        parameters="{count} paramètres",
        no_recording=(
            "Ajoutez d’abord un enregistrement : déposez un fichier ici, utilisez le micro ou essayez un exemple."
        ),
        no_query="Écrivez en anglais ce que vous voulez entendre, par exemple « a dog barking ».",
        lost="Il n’y a pas de page à cette adresse.",
        lost_way="Séparer des sons",
        waiting="En attente d’une place libre …",
        waiting_place="En attente : {ahead} avant vous …",
        waiting_time="En attente : {ahead} avant vous, environ {time} …",
        reading="Lecture de l’enregistrement …",
        loading="Réveil du modèle …",
        separating="Écoute : partie {done} sur {total}",
        drawing="Tracé des images …",
        downloading="Téléchargement : {done} sur {total}",
        download_begins="Le téléchargement commence …",
        download_checked="Tout est arrivé. Vérification …",
        download_stops="Arrêt du téléchargement …",
        downloaded="Le modèle est là, prêt à l’emploi.",
        cancelled="Arrêté. Changez ce que vous voulez, puis séparez de nouveau.",
        done="Terminé. Les résultats sont prêts.",
        target="Ce que vous avez demandé",
        residual="Tout le reste",
        mixture="L’original",
        quoted="« {query} »",
        result_of="Le résultat : « {query} »",
        picture_alt=(
            "Trois spectrogrammes sur une même échelle de couleurs en décibels, le temps en largeur et la fréquence "
            "en hauteur : l’enregistrement, ce qui a été demandé ({query}) et tout le reste."
        ),
        download_target="Télécharger ce son",
        download_residual="Télécharger tout le reste",
        download_all="Tout télécharger (zip)",
        download_report="Comment c’est fait (JSON)",
        heard_as="Compris comme : {label}",
        unfamiliar=(
            "Ce modèle ne connaît rien de proche de « {query} » ; il l’a pris pour « {label} », le plus vraisemblable "
            "des sons qu’il connaît. Si ce n’est pas ce que vous vouliez, attendez-en peu et essayez d’autres mots."
        ),
        not_found=(
            "Presque rien de tel n’a été trouvé : c’est {under} dB plus faible que l’enregistrement. "
            "Le son n’y est peut-être pas, ou d’autres mots le trouveraient."
        ),
        details="{model} · {seconds} en {channels} à {rate} · fait en {taken}",
        details_more="Toutes les parties, ajoutées, redonnent exactement votre enregistrement.",
        stereo="stéréo",
        mono="mono",
        channels="{count} canaux",
        examples="Pas d’enregistrement sous la main ? Essayez l’un de ceux-ci",
        examples_hint="Un clic remplit tout et sépare le son.",
        example_query="entendre « {query} »",
        draft_add="Ajouter à un test d’écoute",
        draft_added=(
            "Ajouté au brouillon dans {folder}. « python -m lass study build {folder} » en fait un test d’écoute."
        ),
        unexpected=(
            "Quelque chose a échoué dans le programme et a été noté dans son journal ; votre enregistrement et vos "
            "mots sont toujours là : réessayez, ou prenez un enregistrement plus court ou un autre modèle."
        ),
        model_not_here="Le modèle « {title} » n’est pas encore sur cette machine ; pour l’utiliser : {how}",
        unknown_model="Il n’y a pas de modèle nommé « {name} » ; les modèles présents sont : {names}.",
        privacy=(
            "Les enregistrements ne sont traités que par cette machine. Les envois et les résultats sont supprimés au "
            "bout de {minutes} minutes."
        ),
        version="Version {version}",
        licence="licence MIT",
        titles=_TITLES,
        player=PLAYER,
        pages=french_pages.PAGES,
        stand=StandTexts(
            examples="Touchez un exemple et écoutez",
            examples_hint="La machine sépare le son demandé de tout le reste.",
            idle="Cette page revient au début dans {seconds} s.",
            stay="Rester ici",
            qr="Jugez vous-même : le test d’écoute",
            qr_words="Visez ce code avec votre téléphone, ou ouvrez",
            qr_alt="Code QR de l’adresse {address}",
            qr_unreachable=(
                "Un téléphone n’atteint pas cette adresse. Pour la personne qui tient le stand : donnez à "
                "LASS_PUBLIC_URL l’adresse de cette machine sur le réseau."
            ),
        ),
    )
)
