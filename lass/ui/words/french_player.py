"""The words of the player in French."""

from __future__ import annotations

from lass.ui.words.player_texts import PlayerTexts

PLAYER = PlayerTexts(
    tracks="Ce que vous entendez",
    play="Écouter",
    pause="Pause",
    loop="Répéter",
    position="Position",
    place="{at} sur {of}",
    level="Niveau de ce que vous entendez",
    hearing="Vous entendez : {track}",
    loop_set="Répétition de {from} à {to}",
    picture_help="Sur l’image : cliquez pour y aller, glissez pour répéter une partie.",
    wave_help="Glissez pour choisir la partie ; ou appuyez sur [ et ] là où elle commence et finit.",
    part="Séparer seulement cette partie",
    undrawable="Votre navigateur ne peut pas montrer cet enregistrement ; donnez la partie en secondes.",
    remix="Dosage",
    only_target="Le son seul",
    as_recorded="L’original",
    only_residual="Le reste seul",
    quieter="{track} : {level} dB",
    desk="Dans le mélange",
    save="Télécharger ce que j’entends",
    over=(
        "Ce mélange dépasse la pleine échelle de {level} dB. Le fichier garde chaque échantillon (flottants de 32 "
        "bits), mais un lecteur peut en déformer les crêtes : baissez-le avant de vous en servir."
    ),
    clips="Ce que vous entendez dépasse ici la pleine échelle : vos haut-parleurs peuvent le déformer.",
    unplayable="Ces sons ne peuvent plus être chargés ; séparez de nouveau.",
    keyboard="Touches",
    keys=(
        ("1 2 3", "changer ce que l’on entend"),
        ("Espace", "écouter ou mettre en pause"),
        ("← →", "deux secondes en arrière ou en avant"),
        ("Début Fin", "au début ou à la fin"),
        ("L", "répéter ou non"),
        ("[ ]", "répéter à partir d’ici, ou jusqu’ici"),
    ),
)
